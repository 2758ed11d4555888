"""Which calls are sent again, and who does it: gRPC itself, by the channel's service config.

gRPC repeats before the first byte of an answer, within the deadline, and within a budget that it keeps for each
address (`retryThrottling`). It knows nothing of idempotency keys, so that a channel of ours is two of gRPC's over the
same connections: one with the policy, for what may be sent twice, and one without.
"""

import json
import math
from dataclasses import dataclass, field
from typing import Any, Final

from forgepoint.common.v1 import access_pb2
from fp_kernel import Backoff, Error, Kind
from google.protobuf import descriptor_pool

# An address may name many replicas; the default would send everything to the first.
_ROUND_ROBIN: Final[dict[str, Any]] = {"loadBalancingConfig": [{"round_robin": {}}]}
_NEVER: Final = "-1"
# A longer wait is for the caller to decide, not for a channel to sit out.
_LONGEST_PUSHBACK: Final = 1.0
# What gRPC accepts as policy; five attempts and a thousand tokens are its own limits.
_MOST_ATTEMPTS: Final = 5
# A delay that gRPC 1.78 rounds to no millisecond hangs the call for good, also beyond its deadline.
_SHORTEST_DELAY: Final = 0.005


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """attempts: sendings of one call at most, 1 to 5; 1 for none but the first. backoff: between them.

    tokens, ratio: each failed sending costs a token, each good call earns `ratio` of one; nothing is sent again while
    half of the tokens or less are left. So a peer that is down gets few calls more than it would get anyhow.
    """

    attempts: int = 3
    backoff: Backoff = field(default_factory=lambda: Backoff(first=0.05, longest=1.0))
    tokens: int = 20
    ratio: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= _MOST_ATTEMPTS:
            raise ValueError(f"a call is sent 1 to {_MOST_ATTEMPTS} times, not {self.attempts}")
        if self.backoff.first < _SHORTEST_DELAY:
            raise ValueError(f"the first back-off is at least {_SHORTEST_DELAY} s, not {self.backoff.first}")

    def config(self) -> str:
        """The service config of a channel for what may be sent again."""
        if self.attempts == 1:
            return SINGLE
        policy = {
            "maxAttempts": self.attempts,
            "initialBackoff": f"{self.backoff.first:.9f}s",
            "maxBackoff": f"{self.backoff.longest:.9f}s",
            "backoffMultiplier": self.backoff.factor,
            "retryableStatusCodes": [Kind.UNAVAILABLE.value],
        }
        return json.dumps(
            {
                **_ROUND_ROBIN,
                "methodConfig": [{"name": [{}], "retryPolicy": policy}],
                "retryThrottling": {"maxTokens": self.tokens, "tokenRatio": self.ratio},
            }
        )


# The service config of a channel for what may not be sent again; gRPC still repeats what no server has seen.
SINGLE: Final = json.dumps(_ROUND_ROBIN)


def pushback(error: Error, remaining: float) -> str:
    """The `grpc-retry-pushback-ms` of an answer: milliseconds for the client to wait before a repetition, -1 for never.

    remaining: seconds until the caller's deadline. Never, when the wait would end after it: the caller would get
    DEADLINE_EXCEEDED instead of the refusal.
    """
    wait = error.retry_after
    if wait is None or wait > _LONGEST_PUSHBACK or wait >= remaining:
        return _NEVER
    return str(math.ceil(max(wait, _SHORTEST_DELAY) * 1_000))


def reads_only(method: str) -> bool:
    """Whether the contract says of `/package.Service/Name` that it only reads: its permission ends in `:read`."""
    try:
        descriptor = descriptor_pool.Default().FindMethodByName(method[1:].replace("/", "."))  # type: ignore[no-untyped-call]
    except KeyError:
        return False
    permission: str = descriptor.GetOptions().Extensions[access_pb2.access].permission
    return permission.endswith(":read")
