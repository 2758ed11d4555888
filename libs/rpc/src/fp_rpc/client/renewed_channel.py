"""Channels with the certificates of now: gRPC's own keep those with which they were made."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from typing import Any, Protocol, Self
from weakref import WeakKeyDictionary, WeakSet

import grpc

Options = Sequence[tuple[str, int | str]]
Opened = tuple[object, grpc.aio.Channel]


class ChannelTls(Protocol):
    """`tls.certificates.Certificates` of a service, `tls.trust.Trust` of who only verifies."""

    def material(self) -> object:
        """Another object after each renewal."""
        ...

    def channel_credentials(self) -> tuple[object, grpc.ChannelCredentials]:
        """For one channel: gRPC's client keeps for ever what it is given here. With the material of them."""
        ...

    def client_context(self) -> ssl.SSLContext:
        """For one connection that is not gRPC's."""
        ...


def open_channel(address: str, options: Options, certificates: ChannelTls | None, peer: str) -> grpc.aio.Channel:
    """A bare channel; by TLS where there are certificates.

    peer: the noun by which the other end is verified; empty for the host of the address.
    """
    if certificates is None:
        return grpc.aio.insecure_channel(address, options=options)
    named = [*options, ("grpc.ssl_target_name_override", peer)] if peer else options

    def opened() -> Opened:
        material, credentials = certificates.channel_credentials()
        return material, grpc.aio.secure_channel(address, credentials, options=named)

    return RenewedChannel(certificates, opened)


class _Generation:
    """A channel made with one reading of the files, and the calls that run on it.

    methods: as it made them. They hold it, so that nobody else may hold them; weak, for callers that make one for each
    call.
    """

    def __init__(self, opened: Opened) -> None:
        self.material, channel = opened
        self.channel: grpc.aio.Channel | None = channel
        self.methods: WeakKeyDictionary[_Method, Any] = WeakKeyDictionary()
        # Weak: gRPC ends a call that nobody holds any more.
        self._calls: WeakSet[Any] = WeakSet()
        self._retired = False

    def watch(self, call: Any) -> None:
        self._calls.add(call)
        call.add_done_callback(self._ended)

    def retire(self) -> None:
        """No new calls; the channel closes with its last call, and its connection with it."""
        self._retired = True
        self.release()

    def release(self) -> bool:
        """Whether nothing runs on it any more; the channel is let go of then, and closes by that."""
        if self._retired and not self._calls:
            self.channel = None
            self.methods.clear()
        return self.channel is None

    def _ended(self, call: Any) -> None:
        self._calls.discard(call)
        if self._retired:
            asyncio.get_running_loop().call_soon(self.release)


class RenewedChannel(grpc.aio.Channel):
    """Behaves as one bare channel. After a renewal of the files the next call opens a new connection with them; calls
    that run end on the old one.
    """

    def __init__(self, certificates: ChannelTls, opened: Callable[[], Opened]) -> None:
        self._certificates = certificates
        self._open = opened
        self._now = _Generation(opened())
        self._retired: list[_Generation] = []

    def generation(self) -> _Generation:
        if self._certificates.material() is not self._now.material:
            old, self._now = self._now, _Generation(self._open())
            old.retire()
            self._retired = [each for each in (*self._retired, old) if not each.release()]
        return self._now

    def bare(self) -> grpc.aio.Channel:
        channel = self.generation().channel
        if channel is None:
            raise grpc.aio.UsageError("the channel is closed")
        return channel

    def unary_unary(self, method: str, *codec: Any, **codecs: Any) -> Any:
        return _Method(self, lambda channel: channel.unary_unary(method, *codec, **codecs))

    def unary_stream(self, method: str, *codec: Any, **codecs: Any) -> Any:
        return _Method(self, lambda channel: channel.unary_stream(method, *codec, **codecs))

    def stream_unary(self, method: str, *codec: Any, **codecs: Any) -> Any:
        return _Method(self, lambda channel: channel.stream_unary(method, *codec, **codecs))

    def stream_stream(self, method: str, *codec: Any, **codecs: Any) -> Any:
        return _Method(self, lambda channel: channel.stream_stream(method, *codec, **codecs))

    async def close(self, grace: float | None = None) -> None:
        for generation in (*self._retired, self._now):
            if generation.channel is not None:
                await generation.channel.close(grace)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 -- grpc's
        return self.bare().get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self.bare().wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self.bare().channel_ready()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class _Method:
    """What a stub calls: the method on the channel of now."""

    __slots__ = ("__weakref__", "_channel", "_of")

    def __init__(self, channel: RenewedChannel, of: Callable[[grpc.aio.Channel], Any]) -> None:
        self._channel = channel
        self._of = of

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        generation = self._channel.generation()
        method = generation.methods.get(self)
        if method is None:
            method = generation.methods[self] = self._of(self._channel.bare())
        call = method(*arguments, **options)
        generation.watch(call)
        return call
