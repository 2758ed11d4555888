"""The network address of a client, for the audit.

Behind the edge every connection is the edge's own, so that it sends the client's address in a header, and as the proof
that it is the edge a secret which it shares with this service alone. The gateway, which calls for those who came over
HTTP, has as its proof a token that is good for nothing else: every service sees it with every call. Proofs are
verified only for calls that the audit records: the others do not pay for it.
"""

from collections.abc import Mapping
from typing import Final

from fp_kernel import Error

from fp_rpc import headers
from fp_rpc.addresses import peer_of
from fp_rpc.identity.caller import ADDRESS_AUDIENCE, EDGE, IdentityResolver

# Whose word about others' addresses counts.
_FRONTS: Final = frozenset({EDGE, "gateway"})


class ClientAddresses:
    """Finds the address of a client behind the edge or the gateway, for audit records."""

    def __init__(self, resolver: IdentityResolver) -> None:
        self._resolver = resolver

    async def find(self, metadata: Mapping[str, str]) -> str:
        """The client's address where one of the two says it; empty for a call whose connection is the client's own."""
        address = peer_of(metadata.get(headers.CLIENT_ADDRESS, ""))
        if address and await self._is_front(metadata.get(headers.FORWARDED_BY, "")):
            return address
        return ""

    async def _is_front(self, token: str) -> bool:
        if not token:
            return False
        try:
            return (await self._resolver.resolve(token, audience=ADDRESS_AUDIENCE)).service in _FRONTS
        except Error:
            return False
