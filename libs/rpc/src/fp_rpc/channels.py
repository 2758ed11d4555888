"""Channels to other services."""

from dataclasses import dataclass, field
from typing import Final

import grpc
from fp_telemetry import Metrics

from fp_rpc.credentials import Credential

MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """margin: seconds by which an outgoing deadline is shorter than the incoming one.
    stream_timeout: seconds for a stream whose caller names no time-out.
    attempts: at most this many tries of one call. retry_ratio: retries earned by each call; retry_burst: retries saved.
    idempotent: full method names that may be repeated though the contract does not say so.
    """

    margin: float = 0.05
    stream_timeout: float = 3_600.0
    attempts: int = 3
    first_backoff: float = 0.05
    max_backoff: float = 1.0
    retry_ratio: float = 0.1
    retry_burst: float = 10.0
    max_message_bytes: int = 17 * MIB
    keepalive: float = 30.0
    idempotent: frozenset[str] = field(default_factory=frozenset)


class Channels:
    """Opens channels that carry this process's identity; closes all of them at once.

    credential: None for calls without identity.
    """

    def __init__(
        self,
        credential: Credential | None,
        policy: ChannelPolicy | None = None,
        *,
        metrics: Metrics | None = None,
    ) -> None:
        raise NotImplementedError

    def open(self, address: str, *, timeout: float) -> grpc.aio.Channel:
        """A channel for generated stubs; it connects at its first call.

        address: host:port. timeout: seconds for each unary call that names none of its own.
        """
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError
