"""Where a caller sits: behind the gateway every connection is the gateway's, so that it has to say it.

It proves by its own service token that it is the one who says it. The token is looked at only for calls that the audit
keeps: the others never pay for it.
"""

import ipaddress
from typing import Final
from urllib.parse import quote

from fp_kernel import Error

from fp_rpc import headers
from fp_rpc.identity import API_KEY_PREFIX, IdentityResolver
from fp_rpc.visit import Visit

# Noun of the only service whose word about others' addresses counts.
GATEWAY: Final = "gateway"


class Origins:
    def __init__(self, resolver: IdentityResolver) -> None:
        self._resolver = resolver

    async def find(self, visit: Visit) -> None:
        """Set the call's origin when the gateway tells it; anybody else sits where his connection comes from."""
        if visit.origin:
            return
        address = _address(visit.metadata.get(headers.CLIENT_ADDRESS, ""))
        if address and await self._is_gateway(visit.metadata.get(headers.FORWARDED_BY, "")):
            visit.origin = address

    async def _is_gateway(self, token: str) -> bool:
        # An API key would be asked about at auth, and services own none.
        if not token or token.startswith(API_KEY_PREFIX):
            return False
        try:
            return (await self._resolver.resolve(token)).service == GATEWAY
        except Error:
            return False


def host_of(peer: str) -> str:
    """The peer without its port, which differs from connection to connection."""
    return peer.rpartition(":")[0] or peer


def _address(told: str) -> str:
    """An IP address as gRPC writes the host of a peer; empty for anything else."""
    try:
        parsed = ipaddress.ip_address(told)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv4Address):
        return f"ipv4:{parsed}"
    return f"ipv6:{quote(f'[{parsed}]', safe=':')}"
