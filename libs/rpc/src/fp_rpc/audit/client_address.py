"""The network address of a client, for the audit.

Behind the gateway every connection is the gateway's own, so that it sends the client's address in a header, and as the
proof that it is the gateway a token which is good for nothing else: every service sees it with every call. It is
verified only for calls that the audit records: the others do not pay for it.
"""

from collections.abc import Mapping
from typing import Final

from fp_kernel import Error

from fp_rpc import headers
from fp_rpc.addresses import peer_of
from fp_rpc.identity.caller import ADDRESS_AUDIENCE, IdentityResolver

# Noun of the only service whose word about others' addresses counts.
GATEWAY: Final = "gateway"


class ClientAddresses:
    """Finds the address of a client behind the gateway, for audit records."""

    def __init__(self, resolver: IdentityResolver) -> None:
        self._resolver = resolver

    async def find(self, metadata: Mapping[str, str]) -> str:
        """The client's address where the gateway says it; empty for a call whose connection is the client's own."""
        address = peer_of(metadata.get(headers.CLIENT_ADDRESS, ""))
        if address and await self._is_gateway(metadata.get(headers.FORWARDED_BY, "")):
            return address
        return ""

    async def _is_gateway(self, token: str) -> bool:
        if not token:
            return False
        try:
            return (await self._resolver.resolve(token, audience=ADDRESS_AUDIENCE)).service == GATEWAY
        except Error:
            return False
