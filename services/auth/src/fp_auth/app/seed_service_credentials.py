"""The credentials that services may show, as the environment names them."""

from collections.abc import Sequence

from fp_kernel import Clock

from fp_auth.app.ports import Transactions

_SECTION = "bootstrap"


class SeedServiceCredentials:
    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, credentials: Sequence[tuple[str, bytes]]) -> None:
        """credentials: pairs of a service's noun and a SHA-256; a service may have several."""
        async with self._transactions() as tx:
            await tx.exclusive(_SECTION)
            await tx.service_credentials.replace(credentials, self._clock.now())
