"""Channels to other services."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from fp_kernel import RetryBudget
from fp_telemetry import Metrics

from fp_rpc import shapes
from fp_rpc.calls import Peer
from fp_rpc.credentials import Credential
from fp_rpc.options import MIB, channel_options
from fp_rpc.outgoing import Outgoing, Sent
from fp_rpc.retries import RetryPolicy, reads_only


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """margin: seconds by which an outgoing deadline is shorter than the incoming one.
    stream_timeout: seconds for a stream whose caller names no time-out.
    retry_ratio: retries earned by each call; retry_burst: retries that may be saved.
    idempotent: full method names (`/package.Service/Name`) that may be repeated though the contract does not say so.
    """

    margin: float = 0.05
    stream_timeout: float = 3_600.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    retry_ratio: float = 0.1
    retry_burst: float = 10.0
    max_message_bytes: int = 17 * MIB
    keepalive: float = 30.0
    idempotent: frozenset[str] = frozenset()


class Channels:
    """Opens channels that carry this process's identity; closes all of them at once.

    credential: None for calls without identity. metrics: where calls are counted, if anywhere.
    """

    def __init__(
        self,
        credential: Credential | None,
        policy: ChannelPolicy | None = None,
        *,
        metrics: Metrics | None = None,
    ) -> None:
        self._credential = credential
        self._policy = policy or ChannelPolicy()
        self._sent = Sent(metrics) if metrics is not None else None
        self._open: set[_Channel] = set()

    def open(self, address: str, *, timeout: float) -> grpc.aio.Channel:
        """A channel for generated stubs; it connects at its first call, and must be made in the running loop.

        address: host:port. timeout: seconds for each call with one request and one answer that names none of its own.
        Stubs on it raise `fp_kernel` errors, and start a call when it is awaited or read.
        """
        policy = self._policy
        bare = grpc.aio.insecure_channel(
            address,
            options=channel_options(max_message_bytes=policy.max_message_bytes, keepalive=policy.keepalive),
        )
        outgoing = Outgoing(
            self._credential,
            timeout=timeout,
            stream_timeout=policy.stream_timeout,
            margin=policy.margin,
            sent=self._sent,
        )
        channel = _Channel(bare, outgoing, policy, self._open.discard)
        self._open.add(channel)
        return channel

    async def close(self) -> None:
        """Close every channel that is still open; their running calls are cancelled."""
        for channel in tuple(self._open):
            await channel.close()


class _Channel(grpc.aio.Channel):
    """A bare channel whose methods are those of `shapes`."""

    def __init__(
        self, bare: grpc.aio.Channel, outgoing: Outgoing, policy: ChannelPolicy, closed: Callable[["_Channel"], None]
    ) -> None:
        self._bare = bare
        self._outgoing = outgoing
        self._policy = policy
        self._budget = RetryBudget(policy.retry_ratio, policy.retry_burst)
        self._closed = closed

    def unary_unary(self, method: str, *codec: Any, **codecs: Any) -> Any:
        return shapes.UnaryUnaryMethod(self._peer(method, self._bare.unary_unary(method, *codec, **codecs)))

    def unary_stream(self, method: str, *codec: Any, **codecs: Any) -> Any:
        bare = self._bare.unary_stream(method, *codec, **codecs)
        return shapes.UnaryStreamMethod(self._peer(method, bare, streams=True))

    def stream_unary(self, method: str, *codec: Any, **codecs: Any) -> Any:
        bare = self._bare.stream_unary(method, *codec, **codecs)
        return shapes.StreamUnaryMethod(self._peer(method, bare, streams=True))

    def stream_stream(self, method: str, *codec: Any, **codecs: Any) -> Any:
        bare = self._bare.stream_stream(method, *codec, **codecs)
        return shapes.StreamStreamMethod(self._peer(method, bare, streams=True))

    async def close(self, grace: float | None = None) -> None:
        self._closed(self)
        await self._bare.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 -- grpc's
        return self._bare.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._bare.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._bare.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _peer(self, method: str, start: Callable[..., Any], *, streams: bool = False) -> Peer:
        repeatable = method in self._policy.idempotent or reads_only(method)
        return Peer(method, start, self._outgoing, self._policy.retry, self._budget, repeatable, streams)
