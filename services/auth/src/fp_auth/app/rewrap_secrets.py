"""Wrap every data key under the current key, so that the one before can be taken away."""

from dataclasses import dataclass

from fp_kernel.key_encryption import KeyEncryption, KeyNotHere

from fp_auth.app.secret_ports import SecretReads, SecretTransactions
from fp_auth.domain.secrets import SealedVersion, key_context

_BITE = 100


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """unreadable: versions whose key is not here."""

    rewrapped: int
    unreadable: int


class RewrapSecrets:
    """Values are not touched, only the data keys around them."""

    def __init__(self, reads: SecretReads, transactions: SecretTransactions, keys: KeyEncryption) -> None:
        self._reads = reads
        self._transactions = transactions
        self._keys = keys

    async def __call__(self) -> Rewrapped:
        done, failed, after = 0, 0, ("", "", 0)
        while True:
            bite = await self._reads.wrapped_by_others(self._keys.key_id, after, _BITE)
            for team, sealed in bite:
                if await self._rewrap(team, sealed):
                    done += 1
                else:
                    failed += 1
                after = (team, sealed.name, sealed.number)
            if len(bite) < _BITE:
                return Rewrapped(done, failed)

    async def _rewrap(self, team: str, sealed: SealedVersion) -> bool:
        context = key_context(team, sealed.name)
        try:
            data_key = await self._keys.unwrap(sealed.data_key, context)
        except KeyNotHere:
            return False
        wrapped = await self._keys.wrap(data_key, context)
        async with self._transactions() as tx:
            await tx.secrets.replace_key(sealed, team, wrapped)
        return True
