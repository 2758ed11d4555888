"""Channels to the services, one each; messages stay bytes."""

from collections.abc import Mapping
from typing import Any

import grpc
from fp_rpc.health import is_serving

from fp_gateway.failures import MAX_MESSAGE_BYTES
from fp_gateway.methods import Method

# The service refuses what is too long with an error that says so; the transport only guards memory.
_TRANSPORT_BYTES = 2 * MAX_MESSAGE_BYTES

# Seconds after which a service that says nothing is not there.
_HEALTH_TIMEOUT = 2.0

_OPTIONS: tuple[tuple[str, int], ...] = (
    ("grpc.max_receive_message_length", _TRANSPORT_BYTES),
    ("grpc.max_send_message_length", _TRANSPORT_BYTES),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A service that restarts is back within a second; the default back-off would keep it away for two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


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
    return grpc.aio.insecure_channel(address, options=_OPTIONS)
