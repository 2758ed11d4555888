"""Network addresses of clients, as what is done from them is counted."""

import ipaddress


def counted_address(text: str) -> str:
    """The address that one client owns: of an IPv6 address its whole /64. Empty when `text` is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
