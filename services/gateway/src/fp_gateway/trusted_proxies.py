"""Where a client sits whose connection comes from a proxy in front of the gateway."""

import ipaddress
from collections.abc import Sequence
from typing import Final

FORWARDED_FOR: Final = "x-forwarded-for"
# Hops that are read, from the right; more than any real chain has.
_MOST_HOPS: Final = 32

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_networks(value: str) -> tuple[Network, ...]:
    """`10.0.0.0/8, 192.0.2.7` as networks. Raises ValueError for what is none."""
    return tuple(ipaddress.ip_network(part.strip()) for part in value.split(",") if part.strip())


class TrustedProxies:
    """Believes `X-Forwarded-For` from these networks only. Each proxy adds whom it was called by at the right end, so
    that the rightmost address which is none of ours is the client's; what lies left of it is what he says himself.
    """

    def __init__(self, networks: Sequence[Network] = ()) -> None:
        self._networks = tuple(networks)

    def client(self, peer: str, forwarded: str) -> str:
        """The client's IP address. peer: of the connection. forwarded: the header, empty without one."""
        if not forwarded or not self._trusts(peer):
            return peer
        client = peer
        for hop in reversed(forwarded.split(",")[-_MOST_HOPS:]):
            address = _address(hop.strip())
            if not address:
                # Not an address: the proxy that wrote it is the last hop that is known.
                return client
            client = address
            if not self._trusts(client):
                return client
        return client

    def _trusts(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def _address(hop: str) -> str:
    """The address of a hop, which some proxies write with its port: `192.0.2.7:443`, `[2001:db8::1]:443`."""
    if hop.startswith("["):
        hop = hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        hop = hop.partition(":")[0]
    parsed = _parsed(hop)
    return "" if parsed is None else str(parsed)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed
