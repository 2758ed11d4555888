"""A new key of a service account; its raw form is shown once."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from fp_kernel import Clock, Command, Principal, new_id, parse_id
from fp_kernel.identity import NO_LIMITS, KeyLimits

from fp_auth.app.access import lock_own_key
from fp_auth.app.create_api_key import IssuedKey, check_granted, within
from fp_auth.app.ports import Random
from fp_auth.app.refusals import no_service_account
from fp_auth.app.service_account_ports import ServiceAccountTransaction, ServiceAccountTransactions
from fp_auth.domain import api_keys
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.events import ApiKeyIssued
from fp_auth.domain.scopes import parse_scopes
from fp_auth.domain.service_accounts import SERVICE_ACCOUNT_ROLE
from fp_auth.domain.users import Role


class CreateServiceAccountKey:
    def __init__(
        self,
        transactions: ServiceAccountTransactions,
        random: Random,
        clock: Clock,
        *,
        longest: timedelta | None = None,
    ) -> None:
        self._transactions = transactions
        self._random = random
        self._clock = clock
        self._longest = longest

    async def __call__(
        self,
        caller: Principal,
        *,
        account_id: str,
        scopes: Sequence[str],
        expires_at: datetime | None,
        name: str,
        limits: KeyLimits = NO_LIMITS,
        command: Command | None = None,
    ) -> IssuedKey:
        """Raises InvalidArgument, PermissionDenied, NotFound, FailedPrecondition for a disabled account."""
        account_id, wanted = parse_id(account_id, "service_account_id"), parse_scopes(scopes)
        now, key_name = self._clock.now(), api_keys.parse_key_name(name)
        ends = within(caller, api_keys.key_end(expires_at, now, self._longest))
        raw = api_keys.raw_key(self._random(api_keys.ENTROPY_BYTES))
        async with self._transactions(command) as tx:
            await self._check(tx, caller, account_id, scopes)
            key = ApiKey(
                id=new_id(),
                team=caller.team,
                user_id="",
                service_account=account_id,
                name=key_name,
                prefix=api_keys.shown_prefix(raw),
                scopes=wanted,
                created_at=now,
                expires_at=ends,
                created_by_key=caller.api_key_id,
                limits=api_keys.limits_within(caller.key_limits, limits),
            )
            await tx.api_keys.add(key, api_keys.key_hash(raw), caller.user_id)
            tx.outbox.add(ApiKeyIssued(key, replaced_key_id="", actor=caller.user_id))
            issued = IssuedKey(key, raw)
            await tx.complete(issued)
        return issued

    async def _check(
        self, tx: ServiceAccountTransaction, caller: Principal, account_id: str, scopes: Sequence[str]
    ) -> None:
        account = await tx.service_accounts.lock(caller.team, account_id)
        if account is None:
            raise no_service_account("service_account_id")
        account.check_enabled()
        check_granted(scopes, caller, Role(SERVICE_ACCOUNT_ROLE, account.scopes))
        await lock_own_key(tx.api_keys, caller)
