"""A key that is worth nothing from now on."""

from collections.abc import Sequence

from fp_kernel import Clock, Command, NotFound, Principal, parse_id

from fp_auth.app.access import ADMINISTER_KEYS, require_person
from fp_auth.app.ports import Transaction, Transactions
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.events import ApiKeyRevoked
from fp_auth.domain.withdrawals import API_KEY, everything


class RevokeApiKey:
    """The event makes every replica of every service forget the key."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, key_id: str, *, command: Command | None = None) -> None:
        """Also revokes what was made with the key: a leaked key once lived on in a twin of its making.

        Revoking twice is no error and publishes one event. Raises InvalidArgument, PermissionDenied, NotFound.
        """
        require_person(caller)
        key_id = parse_id(key_id, "key_id")
        async with self._transactions(command) as tx:
            key = await owned_key(tx, caller, key_id)
            ending = [key] if key.revoked_at is None else []
            while True:
                await self._revoke(tx, ending, caller)
                # Until there are no more: one may have been made while this waited for the lock of its maker.
                ending = list(await tx.api_keys.lock_made_by(key.id))
                if not ending:
                    break
            await tx.complete(None)

    async def _revoke(self, tx: Transaction, keys: Sequence[ApiKey], caller: Principal) -> None:
        now = self._clock.now()
        for key in keys:
            await tx.api_keys.save(key.revoked(now))
            # For a replica that does not hear the event: it asks for this.
            await tx.withdrawals.add(everything(API_KEY, key.id, now))
            tx.outbox.add(ApiKeyRevoked(key, now, caller.user_id))


async def owned_key(tx: Transaction, caller: Principal, key_id: str) -> ApiKey:
    """The key, locked. A colleague's key answers like one that does not exist, except to an admin of the team."""
    key = await tx.api_keys.lock(caller.team, key_id)
    if key is None or not (key.user_id == caller.user_id or caller.may(ADMINISTER_KEYS)):
        raise NotFound("key_id: no such key", reason="KEY_NOT_FOUND")
    return key
