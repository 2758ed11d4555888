"""Keep one key that signs and one that will, and rotate them on time."""

from collections.abc import Sequence
from dataclasses import replace

from fp_kernel import Clock

from fp_auth.app.ports import KeyFactory, SigningKey, SigningKeys, Transactions
from fp_auth.domain.signing import NEWEST, POLICY, Rotation, SigningPolicy, rotation_due

SECTION = "signing-keys"
# Made ahead of the transaction: as many as are ever needed at once.
_SPARE = 2


class RotateSigningKeys:
    """Every replica runs it; a lock lets one change the keys, and the next one finds nothing left to do."""

    def __init__(
        self,
        signing_keys: SigningKeys,
        transactions: Transactions,
        factory: KeyFactory,
        clock: Clock,
        policy: SigningPolicy = POLICY,
    ) -> None:
        self._signing_keys = signing_keys
        self._transactions = transactions
        self._factory = factory
        self._clock = clock
        self._policy = policy

    async def __call__(self) -> bool:
        """Whether keys changed."""
        spare: list[SigningKey] = []
        while True:
            wanted = await self._due(self._signing_keys)
            if not wanted.needed:
                return False
            # Made outside the transaction: a key takes a noticeable part of a second.
            spare += [await self._factory.make(self._clock.now()) for _ in range(wanted.create - len(spare))]
            if await self._rotate(spare):
                return True

    async def spare(self) -> Sequence[SigningKey]:
        """New keys, as many as `settle` may need. A key takes a noticeable part of a second."""
        return [await self._factory.make(self._clock.now()) for _ in range(_SPARE)]

    async def settle(self, keys: SigningKeys, spare: Sequence[SigningKey]) -> bool:
        """Bring the keys to one that signs and one that will, in a transaction that is in the section.

        Whether that is so; False when more new ones are needed than were made.
        """
        due = await self._due(keys)
        if due.create > len(spare):
            return False
        await self._apply(keys, due, spare)
        return True

    async def _rotate(self, spare: Sequence[SigningKey]) -> bool:
        """Whether the keys are as they should be; False when more new ones are needed than were made."""
        async with self._transactions() as tx:
            await tx.exclusive(SECTION)
            return await self.settle(tx.signing_keys, spare)

    async def _due(self, keys: SigningKeys) -> Rotation:
        return rotation_due([key.life for key in await keys.all()], self._clock.now(), self._policy)

    async def _apply(self, keys: SigningKeys, due: Rotation, spare: Sequence[SigningKey]) -> None:
        now = self._clock.now()
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
