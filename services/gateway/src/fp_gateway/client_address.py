"""The headers by which services learn a client's network address, and the proof that the gateway says it.

The proof is a token that no RPC takes: every service sees it with each call, and one that was taken over could else
call all others with the gateway's own.
"""

import asyncio
import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Final, NoReturn

from fp_rpc import ServiceCredential
from fp_rpc.headers import CLIENT_ADDRESS, FORWARDED_BY

from fp_gateway.metadata import Pair
from fp_gateway.trusted_proxies import FORWARDED_FOR, TrustedProxies

_READ: Final = (FORWARDED_FOR, CLIENT_ADDRESS, FORWARDED_BY)
# Seconds between two looks at the token; it is renewed when a third of its life is left.
_INTERVAL: Final = 15.0


def said_of_client(values: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """What a request says of its client's address. values: all of a header.

    A header that came several times is one list, of which the last has the nearest proxy.
    """
    return {name: ",".join(values(name)) for name in _READ}


class ClientAddressHeaders:
    """No call waits for the token: until auth has given one, addresses go along without proof and are not believed."""

    def __init__(self, proof: ServiceCredential, proxies: TrustedProxies, edge_proof: str = "") -> None:
        """proof: for the audience of addresses. proxies: whose word about their clients counts, and so does that of
        whoever sends edge_proof; empty where there is no edge.
        """
        self._proof = proof
        self._edge_proof = edge_proof.encode()
        self._proxies = proxies

    async def run(self) -> NoReturn:
        """Keep the token fresh. Raises Unavailable while there is none to be had."""
        while True:
            await self._proof.token()
            await asyncio.sleep(_INTERVAL)

    def client(self, peer: str, sent: Mapping[str, str]) -> str:
        """The client's IP address, by the same two as `headers`; empty when there is none."""
        return self._client(peer, sent) if peer else ""

    def headers(self, peer: str, sent: Mapping[str, str]) -> list[Pair]:
        """peer: IP address of the connection; empty when there is none, and then there are no headers.

        sent: what `said_of_client` found in the request.
        """
        if not peer:
            return []
        pairs: list[Pair] = [(CLIENT_ADDRESS, self._client(peer, sent))]
        token = self._proof.present
        return [*pairs, (FORWARDED_BY, token)] if token else pairs

    def _client(self, peer: str, sent: Mapping[str, str]) -> str:
        if self._edge_proof and hmac.compare_digest(sent.get(FORWARDED_BY, "").encode(), self._edge_proof):
            return sent.get(CLIENT_ADDRESS) or peer
        return self._proxies.client(peer, sent.get(FORWARDED_FOR, ""))
