"""Keep one key that signs and one that will, and rotate them on time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from fp_kernel import Clock

from fp_auth.app.ports import KeyFactory, SigningKey, SigningKeys, Stores, Transactions
from fp_auth.domain.signing import NEWEST, POLICY, Rotation, SigningPolicy, rotation_due

_SECTION = "signing-keys"


@dataclass(frozen=True, slots=True)
class RotateSigningKeys:
    """Every replica runs it; a lock lets one change the keys, and the next one finds nothing left to do."""

    stores: Stores
    transactions: Transactions
    factory: KeyFactory
    clock: Clock
    policy: SigningPolicy = POLICY

    async def __call__(self) -> bool:
        """Whether keys changed."""
        spare: list[SigningKey] = []
        while True:
            wanted = await self._due(self.stores.signing_keys)
            if not wanted.needed:
                return False
            # Made outside the transaction: a key takes a noticeable part of a second.
            spare += [await self.factory.make(self.clock.now()) for _ in range(wanted.create - len(spare))]
            if await self._rotate(spare):
                return True

    async def _rotate(self, spare: Sequence[SigningKey]) -> bool:
        """Whether the keys are as they should be; False when more new ones are needed than were made."""
        async with self.transactions() as tx:
            await tx.exclusive(_SECTION)
            due = await self._due(tx.signing_keys)
            if due.create > len(spare):
                return False
            await self._apply(tx.signing_keys, due, spare)
            return True

    async def _due(self, keys: SigningKeys) -> Rotation:
        return rotation_due([key.life for key in await keys.all()], self.clock.now(), self.policy)

    async def _apply(self, keys: SigningKeys, due: Rotation, spare: Sequence[SigningKey]) -> None:
        now = self.clock.now()
        if due.retire:
            await keys.retire(due.retire, now)
        made = spare[: due.create]
        if due.promote == NEWEST:
            first, *made = made
            await keys.add(replace(first, life=replace(first.life, signs_from=now)))
        elif due.promote:
            await keys.promote(due.promote, now)
        for key in made:
            await keys.add(key)
        if due.drop:
            await keys.drop(due.drop)
