"""The headers by which services learn a client's network address, and the gateway's own token as the proof."""

import asyncio
from typing import Final, NoReturn

from fp_rpc import ServiceCredential
from fp_rpc.headers import CLIENT_ADDRESS, FORWARDED_BY

from fp_gateway.metadata import Pair

# Seconds between two looks at the token; it is renewed when a third of its life is left.
_INTERVAL: Final = 15.0


class ClientAddressHeaders:
    """No call waits for the token: until auth has given one, addresses go along without proof and are not believed."""

    def __init__(self, credential: ServiceCredential) -> None:
        self._credential = credential

    async def run(self) -> NoReturn:
        """Keep the token fresh. Raises Unavailable while there is none to be had."""
        while True:
            await self._credential.token()
            await asyncio.sleep(_INTERVAL)

    def headers(self, address: str) -> list[Pair]:
        """address: the client's IP address; empty when there is none, and then there are no headers."""
        if not address:
            return []
        pairs: list[Pair] = [(CLIENT_ADDRESS, address)]
        token = self._credential.present
        return [*pairs, (FORWARDED_BY, token)] if token else pairs
