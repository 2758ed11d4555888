"""Channels to other services."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from fp_kernel import Error
from fp_telemetry import Metrics

from fp_rpc.call_metrics import CallMetrics
from fp_rpc.client import stub_methods
from fp_rpc.client.call_context import ChannelContext
from fp_rpc.client.channel_options import MIB, channel_options, connection_group
from fp_rpc.client.client_call import ClientMethod
from fp_rpc.client.connection import Connection
from fp_rpc.client.credentials import Credential
from fp_rpc.client.renewed_channel import ChannelTls, open_channel
from fp_rpc.link.caller import Link, Locate
from fp_rpc.retries import SINGLE, RetryPolicy, reads_only


@dataclass(frozen=True, slots=True)
class ChannelPolicy:
    """margin: seconds by which an outgoing deadline is shorter than the incoming one.
    stream_timeout: seconds for a stream whose caller names no time-out.
    retry: how a call is sent again that may be sent twice: a read (its permission ends in `:read`), a command with an
    idempotency key, a method of `idempotent`. Any other one waits for a connection, as long as the back-off takes, and
    is sent once.
    idempotent: full method names (`/package.Service/Name`) that may be repeated though the contract does not say so.
    """

    margin: float = 0.05
    stream_timeout: float = 3_600.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    max_message_bytes: int = 17 * MIB
    keepalive: float = 30.0
    idempotent: frozenset[str] = frozenset()


class Channels:
    """Opens channels that carry this process's identity; closes all of them at once. They share connections with each
    other, and with no other channel of the process.

    credential: None for calls without identity. metrics: where calls are counted, if anywhere.
    certificates: with them every channel speaks TLS.
    """

    def __init__(
        self,
        credential: Credential | None,
        policy: ChannelPolicy | None = None,
        *,
        metrics: Metrics | None = None,
        certificates: ChannelTls | None = None,
    ) -> None:
        self._credential = credential
        self._certificates = certificates
        self._policy = policy or ChannelPolicy()
        self._metrics = CallMetrics.of(metrics, client=True) if metrics is not None else None
        self._open: set[_Channel] = set()
        self._links: set[Link] = set()
        self._group = connection_group()

    def open(
        self, address: str, *, timeout: float, peer: str = "", passing: Collection[type[Error]] = frozenset()
    ) -> grpc.aio.Channel:
        """A channel for generated stubs; it connects at its first call, and must be made in the running loop.

        address: host:port. timeout: seconds for each call with one request and one answer that names none of its own.
        peer: the noun of the service there, by which its certificate is verified; empty for the host of the address.
        passing: errors of the peer that go through a service to its own caller; see `call_context`.
        Stubs on it raise `fp_kernel` errors, and start a call when it is awaited or read.
        """

        def bare(config: str) -> grpc.aio.Channel:
            return open_channel(address, _options(self._policy, self._group, config), self._certificates, peer)

        channel = _Channel(bare, self._context(timeout, passing), self._policy, self._open.discard)
        self._open.add(channel)
        return channel

    def link(
        self,
        method: str,
        locate: Locate,
        *,
        timeout: float,
        peer: str = "",
        passing: Collection[type[Error]] = frozenset(),
    ) -> Link:
        """Calls of one method of one peer as frames on one connection, with the same identity; see `fp_rpc.link`.

        method: `/package.Service/Name`. locate: where the peer's link listens. timeout, peer, passing: as of a channel.
        """
        tls = self._certificates.client_context if self._certificates is not None else None
        link = Link(method, self._context(timeout, passing), locate, peer=peer, tls=tls, closed=self._links.discard)
        self._links.add(link)
        return link

    async def close(self) -> None:
        """Close every channel and link that is still open; their running calls are cancelled."""
        for channel in tuple(self._open):
            await channel.close()
        for link in tuple(self._links):
            await link.close()

    def _context(self, timeout: float, passing: Collection[type[Error]]) -> ChannelContext:
        return ChannelContext(
            self._credential,
            timeout=timeout,
            stream_timeout=self._policy.stream_timeout,
            margin=self._policy.margin,
            metrics=self._metrics,
            passing=passing,
        )


def _options(policy: ChannelPolicy, group: int, config: str) -> list[tuple[str, int | str]]:
    return channel_options(
        max_message_bytes=policy.max_message_bytes, keepalive=policy.keepalive, config=config, group=group
    )


class _Channel(grpc.aio.Channel):
    """Two bare channels, whose methods are those of `stub_methods`: gRPC lets both use the same connections."""

    def __init__(
        self,
        bare: Callable[[str], grpc.aio.Channel],
        context: ChannelContext,
        policy: ChannelPolicy,
        closed: Callable[["_Channel"], None],
    ) -> None:
        self._single = bare(SINGLE)
        self._repeating = bare(policy.retry.config())
        self._context = context
        self._policy = policy
        self._connection = Connection(self._single, policy.retry)
        self._closed = closed

    def unary_unary(self, method: str, *codec: Any, **codecs: Any) -> Any:
        single = self._single.unary_unary(method, *codec, **codecs)
        repeating = self._repeating.unary_unary(method, *codec, **codecs)
        return stub_methods.UnaryUnaryMethod(self._method(method, single, repeating, streams=False))

    def unary_stream(self, method: str, *codec: Any, **codecs: Any) -> Any:
        single = self._single.unary_stream(method, *codec, **codecs)
        repeating = self._repeating.unary_stream(method, *codec, **codecs)
        return stub_methods.UnaryStreamMethod(self._method(method, single, repeating))

    def stream_unary(self, method: str, *codec: Any, **codecs: Any) -> Any:
        return stub_methods.StreamUnaryMethod(self._method(method, self._single.stream_unary(method, *codec, **codecs)))

    def stream_stream(self, method: str, *codec: Any, **codecs: Any) -> Any:
        return stub_methods.StreamStreamMethod(
            self._method(method, self._single.stream_stream(method, *codec, **codecs))
        )

    async def close(self, grace: float | None = None) -> None:
        self._closed(self)
        await self._repeating.close(grace)
        await self._single.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 -- grpc's
        return self._single.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._single.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._single.channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _method(
        self,
        method: str,
        single: Callable[..., Any],
        repeating: Callable[..., Any] | None = None,
        *,
        streams: bool = True,
    ) -> ClientMethod:
        always = method in self._policy.idempotent or reads_only(method)
        return ClientMethod(method, single, repeating, always, self._connection, self._context, streams)
