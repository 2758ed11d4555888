"""Options of channels to services of the platform."""

import itertools
from typing import Final

from fp_rpc.retries import SINGLE

MIB: Final = 1024 * 1024
_groups = itertools.count()


def connection_group() -> int:
    """For channels that share connections with each other, and with no other channel of the process."""
    return next(_groups)


def channel_options(
    *, max_message_bytes: int = 17 * MIB, keepalive: float = 30.0, config: str = SINGLE, group: int | None = None
) -> list[tuple[str, int | str]]:
    """keepalive: seconds between pings, also without calls, so that a peer that vanished is noticed.

    config: gRPC's service config; the default sends nothing twice that a server may have seen.
    group: a `connection_group`; without it a channel shares its connections with none.
    """
    return [
        ("grpc.max_receive_message_length", max_message_bytes),
        # The server refuses what is too big, with an error that names the sizes.
        ("grpc.max_send_message_length", -1),
        ("grpc.keepalive_time_ms", int(keepalive * 1_000)),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # A peer that restarts is back within a second; the default would grow to two minutes between two attempts.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        ("grpc.service_config", config),
        # Else gRPC silently repeats no request above 256 KiB.
        ("grpc.per_rpc_retry_buffer_size", max_message_bytes),
        # Addresses of peers are internal: a proxy that the environment names must not get these calls.
        ("grpc.enable_http_proxy", 0),
        # Else all channels of the process with the same options share their connections, those that are lost as well:
        # the first calls of a channel that is opened when its peer is back failed by another channel's back-off.
        ("fp.connection_group", connection_group() if group is None else group),
    ]
