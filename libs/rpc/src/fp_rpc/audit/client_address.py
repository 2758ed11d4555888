"""The network address of a client, for the audit.

Behind the gateway every connection is the gateway's own, so that it sends the client's address in a header, and its own
service token as the proof that it is the gateway. The token is verified only for calls that the audit records: the
others do not pay for it.
"""

from collections.abc import Mapping
from typing import Final

from fp_kernel import Error

from fp_rpc import headers
from fp_rpc.addresses import peer_of
from fp_rpc.identity.caller import API_KEY_PREFIX, IdentityResolver

# Noun of the only service whose word about others' addresses counts.
GATEWAY: Final = "gateway"


class ClientAddresses:
    def __init__(self, resolver: IdentityResolver) -> None:
        self._resolver = resolver

    async def find(self, metadata: Mapping[str, str]) -> str:
        """The client's address where the gateway says it; empty for a call whose connection is the client's own."""
        address = peer_of(metadata.get(headers.CLIENT_ADDRESS, ""))
        if address and await self._is_gateway(metadata.get(headers.FORWARDED_BY, "")):
            return address
        return ""

    async def _is_gateway(self, token: str) -> bool:
        # An API key would be asked about at auth, and services own none.
        if not token or token.startswith(API_KEY_PREFIX):
            return False
        try:
            return (await self._resolver.resolve(token)).service == GATEWAY
        except Error:
            return False
