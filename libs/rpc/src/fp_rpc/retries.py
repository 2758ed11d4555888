"""Which failed calls are tried again."""

import random
import re
from dataclasses import dataclass
from typing import Any, Final

import grpc
from forgepoint.common.v1 import access_pb2
from fp_kernel import Error, Kind, RetryBudget
from google.protobuf import descriptor_pool

from fp_rpc import headers
from fp_rpc.commands import body_key

# What gRPC says when a call never left this process; any other loss may have happened after the peer acted.
_NEVER_SENT: Final = re.compile(
    r"failed to connect|connection refused|DNS resolution failed|empty address list", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """attempts: at most this many tries of one call. first_backoff, max_backoff: seconds, doubled from try to try."""

    attempts: int = 3
    first_backoff: float = 0.05
    max_backoff: float = 1.0


@dataclass(slots=True)
class Retries:
    """The retries of one call. `repeatable`: doing it twice does no more than doing it once."""

    policy: RetryPolicy
    budget: RetryBudget
    repeatable: bool
    tried: int = 1

    @property
    def first(self) -> bool:
        return self.tried == 1

    def pause(self, failure: grpc.aio.AioRpcError, error: Error, remaining: float) -> float | None:
        """Seconds to wait before the next try, None when there must be none.

        Only UNAVAILABLE is tried again: where the peer refused with a retry delay, where the call never left, and
        where it was lost on the way but may be repeated.
        """
        if error.kind is not Kind.UNAVAILABLE or self.tried >= self.policy.attempts:
            return None
        refused = any(key == headers.STATUS_DETAILS for key, _ in failure.trailing_metadata() or ())
        if refused:
            allowed = error.retry_after is not None
        else:
            allowed = self.repeatable or _NEVER_SENT.search(failure.details() or "") is not None
        longest = min(self.policy.max_backoff, self.policy.first_backoff * 2.0 ** (self.tried - 1))
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 -- spreads retries, guards nothing
        wait = max(longest * jitter, error.retry_after or 0.0)
        if not allowed or wait > self.policy.max_backoff or wait >= remaining or not self.budget.spend():
            return None
        self.tried += 1
        return wait


def reads_only(method: str) -> bool:
    """Whether the contract says of `/package.Service/Name` that it only reads: its permission ends in `:read`."""
    try:
        descriptor = descriptor_pool.Default().FindMethodByName(method[1:].replace("/", "."))  # type: ignore[no-untyped-call]
    except KeyError:
        return False
    permission: str = descriptor.GetOptions().Extensions[access_pb2.access].permission
    return permission.endswith(":read")


def keyed(request: Any, metadata: list[tuple[str, str]]) -> bool:
    """Whether the request carries an idempotency key, so that the peer knows a repeat."""
    if hasattr(request, "DESCRIPTOR") and body_key(request):
        return True
    return any(key == headers.IDEMPOTENCY_KEY and value for key, value in metadata)
