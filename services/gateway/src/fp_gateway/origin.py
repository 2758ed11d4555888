"""What the gateway tells the services of its callers: where they sit, and its own token for proof."""

import asyncio
from typing import Final, NoReturn
from urllib.parse import unquote

from fp_rpc import ServiceCredential, headers

from fp_gateway.metadata import Pair

# Seconds between two looks at the token; it is renewed when a third of its life is left.
_INTERVAL: Final = 15.0


class Origin:
    """No call waits for the token: until auth has given one, addresses go along without proof."""

    def __init__(self, credential: ServiceCredential) -> None:
        self._credential = credential

    async def run(self) -> NoReturn:
        """Keep the token fresh. Raises Unavailable while there is none to be had."""
        while True:
            await self._credential.token()
            await asyncio.sleep(_INTERVAL)

    def pairs(self, address: str) -> list[Pair]:
        """address: the caller's IP address; empty when there is none, and then nothing is told."""
        if not address:
            return []
        told: list[Pair] = [(headers.CLIENT_ADDRESS, address)]
        token = self._credential.present
        return [*told, (headers.FORWARDED_BY, token)] if token else told


def address_of(peer: str) -> str:
    """The address in gRPC's name of a peer (`ipv4:1.2.3.4:5`, `ipv6:%5B::1%5D:5`); empty without one."""
    scheme, _, rest = peer.partition(":")
    return unquote(rest).rpartition(":")[0].strip("[]") if scheme in ("ipv4", "ipv6") else ""
