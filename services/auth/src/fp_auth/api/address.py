"""The network address of a client."""

import ipaddress
from collections.abc import Mapping, Sequence

from fp_rpc.addresses import ip_of
from fp_rpc.headers import CLIENT_ADDRESS

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, metadata: Mapping[str, str], trusted: Sequence[Network]) -> str:
    """The client's IP address as text; empty when nobody knows.

    peer: as gRPC writes it, for example `ipv4:10.0.0.7:41234`.
    trusted: networks whose word about their clients is believed; anybody else is the client himself.
    """
    sent = metadata.get(CLIENT_ADDRESS, "")
    nearest = ip_of(peer)
    return sent if sent and _within(nearest, trusted) else nearest


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return not address  # a Unix socket is as near as loopback
    return any(parsed in network for network in networks)
