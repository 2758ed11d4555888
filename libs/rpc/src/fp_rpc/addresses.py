"""Network addresses in gRPC's names of peers: `ipv4:10.0.0.7:51022`, `ipv6:%5B::1%5D:51022`, `unix:/run/x.sock`."""

import ipaddress
from urllib.parse import quote, unquote


def ip_of(peer: str) -> str:
    """The IP address of a peer as text; empty when it has none, such as one on a Unix socket."""
    family, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if family in ("ipv4", "ipv6") else ""


def without_port(peer: str) -> str:
    """The peer without its port, which differs from connection to connection."""
    return peer.rpartition(":")[0] or peer


def peer_of(address: str) -> str:
    """An IP address as `without_port` gives that of a peer; empty for a text that is no IP address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv4Address):
        return f"ipv4:{parsed}"
    return f"ipv6:{quote(f'[{parsed}]', safe=':')}"
