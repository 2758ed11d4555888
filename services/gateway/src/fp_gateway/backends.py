"""Channels to the services, one each; messages stay bytes."""

from collections.abc import Mapping
from typing import Any

import grpc
from fp_rpc.client.channel_options import channel_options
from fp_rpc.client.renewed_channel import open_channel
from fp_rpc.server.health import Standing, standing
from fp_rpc.tls.certificates import Certificates

from fp_gateway.failures import MAX_MESSAGE_BYTES
from fp_gateway.methods import Method

# Twice the limit: the service refuses what is above it with an error that names the sizes.
_TRANSPORT_BYTES = 2 * MAX_MESSAGE_BYTES

# Seconds after which a service that does not answer counts as away.
_HEALTH_TIMEOUT = 2.0


class Backends:
    """addresses: noun -> host:port. unimplemented: address for every other noun and for internal RPCs, in this process.
    certificates: for the services.
    """

    def __init__(
        self, addresses: Mapping[str, str], unimplemented: str, certificates: Certificates | None = None
    ) -> None:
        self._channels = {noun: _open(address, certificates, noun) for noun, address in addresses.items()}
        self._unimplemented = _open(unimplemented)

    def ends_here(self, method: Method) -> bool:
        """Whether no service takes the method from outside, but the server inside the gateway."""
        return method.rule.internal or method.noun not in self._channels

    def callable_for(self, method: Method) -> Any:
        """The callable of gRPC for the method, which takes and gives bytes."""
        channel = self._unimplemented if self.ends_here(method) else self._channels[method.noun]
        kinds = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
        return getattr(channel, "_".join(kinds))(method.path)

    async def serving(self, noun: str) -> bool:
        """Whether the service's health check says that it takes calls."""
        return (await self.standing(noun)).serving

    async def standing(self, noun: str) -> Standing:
        """What the service's health check says: whether it takes calls, and its version."""
        channel = self._channels.get(noun)
        return Standing() if channel is None else await standing(channel, timeout=_HEALTH_TIMEOUT)

    async def close(self) -> None:
        for channel in (*self._channels.values(), self._unimplemented):
            await channel.close()


def _open(address: str, certificates: Certificates | None = None, noun: str = "") -> grpc.aio.Channel:
    # All replicas behind the address get their share (round robin). Nothing is repeated here: the caller's channel
    # knows what may be sent twice, and three sendings by each of two layers would be nine.
    return open_channel(address, channel_options(max_message_bytes=_TRANSPORT_BYTES), certificates, noun)
