"""A signing key that is worth nothing from now on."""

from collections.abc import Awaitable, Callable

from fp_kernel import Clock, Command, NotFound, Principal, invalid

from fp_auth.app.ports import Transactions
from fp_auth.app.rotate_signing_keys import SECTION, RotateSigningKeys
from fp_auth.domain.events import IdentityEnded
from fp_auth.domain.withdrawals import SIGNING_KEY, everything

_MAX_KID = 100


class WithdrawSigningKey:
    """reload: makes this replica sign with what is there now; the event does so in the others."""

    def __init__(
        self,
        transactions: Transactions,
        rotate: RotateSigningKeys,
        reload: Callable[[], Awaitable[None]],
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._rotate = rotate
        self._reload = reload
        self._clock = clock

    async def __call__(self, caller: Principal, kid: str, *, command: Command | None = None) -> None:
        """The next key takes over in the same transaction, so that there is always one that signs.

        Raises InvalidArgument, NotFound.
        """
        if not kid or len(kid) > _MAX_KID:
            raise invalid("kid", f"must have 1 to {_MAX_KID} characters")
        spare = await self._rotate.spare()
        async with self._transactions(command) as tx:
            await tx.exclusive(SECTION)
            if kid not in {key.life.kid for key in await tx.signing_keys.all()}:
                raise NotFound("kid: no such signing key", reason="SIGNING_KEY_NOT_FOUND")
            await tx.signing_keys.drop([kid])
            await self._rotate.settle(tx.signing_keys, spare)
            now = self._clock.now()
            ended = await tx.withdrawals.add(everything(SIGNING_KEY, kid, now))
            tx.outbox.add(IdentityEnded(ended, "", "withdrawn", now, caller.user_id))
            await tx.complete(None)
        await self._reload()
