"""Channels to the services, one each; messages stay bytes."""

from collections.abc import Mapping
from typing import Any

import grpc
from fp_rpc.client.channel_options import channel_options
from fp_rpc.server.health import is_serving

from fp_gateway.failures import MAX_MESSAGE_BYTES
from fp_gateway.methods import Method

# The service refuses what is too long with an error that says so; the transport only guards memory.
_TRANSPORT_BYTES = 2 * MAX_MESSAGE_BYTES

# Seconds after which a service that says nothing is not there.
_HEALTH_TIMEOUT = 2.0


class Backends:
    """addresses: noun -> host:port. absent: address that answers for every other noun and for internal RPCs."""

    def __init__(self, addresses: Mapping[str, str], absent: str) -> None:
        self._channels = {noun: _open(address) for noun, address in addresses.items()}
        self._absent = _open(absent)

    def callable_for(self, method: Method) -> Any:
        """The multi-callable of the method's shape, taking and giving bytes."""
        channel = self._absent if method.internal else self._channels.get(method.noun, self._absent)
        shape = ("stream" if method.client_streaming else "unary", "stream" if method.server_streaming else "unary")
        return getattr(channel, "_".join(shape))(method.path)

    async def serving(self, noun: str) -> bool:
        """Whether the service says of itself that it takes calls."""
        channel = self._channels.get(noun)
        return channel is not None and await is_serving(channel, timeout=_HEALTH_TIMEOUT)

    async def close(self) -> None:
        for channel in (*self._channels.values(), self._absent):
            await channel.close()


def _open(address: str) -> grpc.aio.Channel:
    # Every replica of the address gets its share. Nothing that a service may have seen is sent again: the caller's own
    # channel knows what may be, and two layers that repeat multiply.
    return grpc.aio.insecure_channel(address, options=channel_options(max_message_bytes=_TRANSPORT_BYTES))
