"""A key in place of another, both valid for a while."""

from datetime import timedelta

from fp_kernel import Clock, Command, FailedPrecondition, Internal, PermissionDenied, Principal, new_id, parse_id

from fp_auth.app.access import lock_own_key, require_person
from fp_auth.app.create_api_key import IssuedKey, own_end
from fp_auth.app.ports import Random, Transaction, Transactions
from fp_auth.app.revoke_api_key import owned_key
from fp_auth.app.session import role_named
from fp_auth.domain import api_keys
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.events import ApiKeyIssued, ApiKeyRevoked
from fp_auth.domain.scopes import intersection
from fp_auth.domain.withdrawals import API_KEY, everything


class RotateApiKey:
    def __init__(
        self, transactions: Transactions, random: Random, clock: Clock, *, longest: timedelta | None = None
    ) -> None:
        self._transactions = transactions
        self._random = random
        self._clock = clock
        self._longest = longest

    async def __call__(
        self, caller: Principal, key_id: str, overlap: timedelta, *, command: Command | None = None
    ) -> IssuedKey:
        """The new key has the scopes of the old one, as far as the owner's role grants them now.

        It ends no later than the key by which the call came: a key of 90 days once rotated itself and was good for a
        year more.

        Raises InvalidArgument, PermissionDenied, NotFound, FailedPrecondition.
        """
        require_person(caller)
        key_id = parse_id(key_id, "key_id")
        api_keys.check_overlap(overlap)
        async with self._transactions(command) as tx:
            await lock_own_key(tx.api_keys, caller)
            issued = await self._rotate(tx, caller, await owned_key(tx, caller, key_id), overlap)
            await tx.complete(issued)
        return issued

    async def _rotate(self, tx: Transaction, caller: Principal, old: ApiKey, overlap: timedelta) -> IssuedKey:
        now = self._clock.now()
        bound = now + self._longest if self._longest else None
        raw = api_keys.raw_key(self._random(api_keys.ENTROPY_BYTES))
        new = ApiKey(
            id=new_id(),
            team=old.team,
            user_id=old.user_id,
            service_account=old.service_account,
            name=old.name,
            prefix=api_keys.shown_prefix(raw),
            scopes=await _scopes(tx, caller, old),
            created_at=now,
            expires_at=api_keys.earliest(old.renewed_expiry(now), own_end(caller), bound),
            created_by_key=caller.api_key_id or old.created_by_key,
            limits=api_keys.narrowed(caller.key_limits, old.limits),
        )
        ended = old.replaced(new.id, now, overlap)
        await tx.api_keys.add(new, api_keys.key_hash(raw), caller.user_id)
        await tx.api_keys.save(ended)
        tx.outbox.add(ApiKeyIssued(new, replaced_key_id=old.id, actor=caller.user_id))
        if ended.revoked_at is not None:
            await tx.withdrawals.add(everything(API_KEY, ended.id, now))
            tx.outbox.add(ApiKeyRevoked(ended, now, caller.user_id))
        return IssuedKey(new, raw)


async def _owned(tx: Transaction, key: ApiKey) -> frozenset[str]:
    """What the key's owner may do now."""
    if key.service_account:
        account = await tx.service_accounts.lock(key.team, key.service_account)
        return frozenset() if account is None or account.disabled_at else account.scopes
    owner = await tx.users.find(key.user_id)
    if owner is None:
        raise Internal("a key without its owner")
    return (await role_named(tx.roles, owner.role, owner.team)).scopes


async def _scopes(tx: Transaction, caller: Principal, old: ApiKey) -> frozenset[str]:
    scopes = intersection(old.scopes, await _owned(tx, old))
    if not scopes:
        raise FailedPrecondition("key_id: the owner's role grants none of the key's scopes", reason="KEY_ENDED")
    # A key of few scopes must not be turned into one of many by rotating that one.
    if not all(caller.may(scope) for scope in scopes):
        raise PermissionDenied("key_id: the key may do more than you may", reason="SCOPE_NOT_GRANTED")
    return scopes
