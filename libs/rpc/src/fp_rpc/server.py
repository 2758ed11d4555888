"""The gRPC server of a service."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from fp_telemetry import Metrics

from fp_rpc.audit import AuditSink
from fp_rpc.identity import IdentityResolver

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """default_deadline: seconds for a call with one response whose caller set no deadline.
    max_message_bytes: a bigger message is refused with RESOURCE_EXHAUSTED, reason MESSAGE_TOO_LARGE.
    max_concurrent_rpcs: a call beyond is refused with RESOURCE_EXHAUSTED and a retry delay.
    """

    default_deadline: float = 30.0
    max_message_bytes: int = 16 * MIB + 64 * 1024
    max_concurrent_rpcs: int = 2_000


class Server:
    """noun: name of the service in metrics and logs. audit: default writes log lines."""

    def __init__(
        self,
        noun: str,
        *,
        resolver: IdentityResolver,
        metrics: Metrics,
        policy: ServerPolicy | None = None,
        audit: AuditSink | None = None,
        reflection: bool = False,
    ) -> None:
        raise NotImplementedError

    def add(self, add_servicer_to_server: Callable[[Any, Any], None], servicer: object) -> None:
        """Serve the methods of a generated service.

        Raises ValueError for a method without an Access option, TypeError for one that is not async.
        """
        raise NotImplementedError

    async def start(self, address: str) -> int:
        """Listen on host:port; answers the port. Health says NOT_SERVING until `set_serving(True)`.

        Raises OSError when the address is taken.
        """
        raise NotImplementedError

    def set_serving(self, serving: bool) -> None:  # noqa: FBT001 -- a state, named by the method
        """What health v1 says of this server and its services."""
        raise NotImplementedError

    async def stop(self, grace: float) -> None:
        """Refuse new calls, let running ones end for at most `grace` seconds, tell the audit sink the rest."""
        raise NotImplementedError
