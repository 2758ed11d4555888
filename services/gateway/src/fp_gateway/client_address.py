"""The headers by which services learn a client's network address, and the proof that the gateway says it.

The proof is a token that no RPC takes: every service sees it with each call, and one that was taken over could else
call all others with the gateway's own.
"""

import asyncio
from typing import Final, NoReturn

from fp_rpc import ServiceCredential
from fp_rpc.headers import CLIENT_ADDRESS, FORWARDED_BY

from fp_gateway.metadata import Pair
from fp_gateway.trusted_proxies import TrustedProxies

# Seconds between two looks at the token; it is renewed when a third of its life is left.
_INTERVAL: Final = 15.0


class ClientAddressHeaders:
    """No call waits for the token: until auth has given one, addresses go along without proof and are not believed."""

    def __init__(self, proof: ServiceCredential, proxies: TrustedProxies) -> None:
        """proof: for the audience of addresses. proxies: whose word about their clients counts."""
        self._proof = proof
        self._proxies = proxies

    async def run(self) -> NoReturn:
        """Keep the token fresh. Raises Unavailable while there is none to be had."""
        while True:
            await self._proof.token()
            await asyncio.sleep(_INTERVAL)

    def client(self, peer: str, forwarded: str) -> str:
        """The client's IP address, by the same two as `headers`; empty when there is none."""
        return self._proxies.client(peer, forwarded) if peer else ""

    def headers(self, peer: str, forwarded: str) -> list[Pair]:
        """peer: IP address of the connection; empty when there is none, and then there are no headers.

        forwarded: the header `X-Forwarded-For`, empty without one.
        """
        if not peer:
            return []
        pairs: list[Pair] = [(CLIENT_ADDRESS, self._proxies.client(peer, forwarded))]
        token = self._proof.present
        return [*pairs, (FORWARDED_BY, token)] if token else pairs
