"""Where a client is."""

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import unquote

CLIENT_ADDRESS = "fp-client-address"
"""Metadata by which the gateway tells its client's address."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, metadata: Mapping[str, str], trusted: Sequence[Network]) -> str:
    """The client's IP address as text; empty when nobody knows.

    peer: as gRPC writes it, for example `ipv4:10.0.0.7:41234`.
    trusted: networks whose word about their clients is believed; anybody else is the client himself.
    """
    told = metadata.get(CLIENT_ADDRESS, "")
    nearest = peer_address(peer)
    return told if told and _within(nearest, trusted) else nearest


def peer_address(peer: str) -> str:
    family, _, rest = unquote(peer).partition(":")
    if family not in ("ipv4", "ipv6"):
        return ""
    return rest.rpartition(":")[0].strip("[]")


def _within(address: str, networks: Sequence[Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return not address  # a Unix socket is as near as loopback
    return any(parsed in network for network in networks)
