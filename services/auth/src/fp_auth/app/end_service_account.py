"""Disable, enable and delete service accounts."""

from dataclasses import replace

from fp_kernel import Clock, Command, Principal, parse_id

from fp_auth.app.refusals import check_holds, no_service_account
from fp_auth.app.service_account_ports import ServiceAccountTransaction, ServiceAccountTransactions
from fp_auth.domain.events import ApiKeyRevoked, IdentityEnded, IdentityRestored
from fp_auth.domain.service_accounts import ServiceAccount
from fp_auth.domain.withdrawals import API_KEY, USER, everything, logins_before


class DisableServiceAccount:
    def __init__(self, transactions: ServiceAccountTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, account_id: str, *, command: Command | None = None) -> ServiceAccount:
        """Its keys end in every replica; a second time changes nothing. Raises InvalidArgument, NotFound."""
        account_id = parse_id(account_id, "id")
        async with self._transactions(command) as tx:
            account = await locked(tx, caller, account_id)
            now = self._clock.now()
            disabled = account.disabled(now)
            if disabled is not account:
                await tx.service_accounts.save(disabled)
                ended = await tx.withdrawals.add(everything(USER, account.id, now))
                tx.outbox.add(IdentityEnded(ended, account.team, "disabled", now, caller.user_id))
            await tx.complete(disabled)
        return disabled


class EnableServiceAccount:
    def __init__(self, transactions: ServiceAccountTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, account_id: str, *, command: Command | None = None) -> ServiceAccount:
        """Raises InvalidArgument, NotFound, PermissionDenied for an account that may do more than the caller."""
        account_id = parse_id(account_id, "id")
        async with self._transactions(command) as tx:
            account = await locked(tx, caller, account_id)
            check_holds(caller, account.scopes, "id")
            enabled = replace(account, disabled_at=None)
            if account.disabled_at is not None:
                now = self._clock.now()
                await tx.service_accounts.save(enabled)
                restored = await tx.withdrawals.add(logins_before(USER, account.id, now))
                tx.outbox.add(IdentityRestored(restored, account.team, now, caller.user_id))
            await tx.complete(enabled)
        return enabled


class DeleteServiceAccount:
    def __init__(self, transactions: ServiceAccountTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(self, caller: Principal, account_id: str, *, command: Command | None = None) -> None:
        """Its keys are revoked; what it did goes on naming its id. Raises InvalidArgument, NotFound."""
        account_id = parse_id(account_id, "id")
        async with self._transactions(command) as tx:
            account = await locked(tx, caller, account_id)
            now = self._clock.now()
            for key in await tx.service_accounts.lock_keys(account.id):
                await tx.api_keys.save(key.revoked(now))
                await tx.withdrawals.add(everything(API_KEY, key.id, now))
                tx.outbox.add(ApiKeyRevoked(key, now, caller.user_id))
            await tx.service_accounts.delete(replace(account, disabled_at=now))
            ended = await tx.withdrawals.add(everything(USER, account.id, now))
            tx.outbox.add(IdentityEnded(ended, account.team, "deleted", now, caller.user_id))
            await tx.complete(None)


async def locked(tx: ServiceAccountTransaction, caller: Principal, account_id: str) -> ServiceAccount:
    account = await tx.service_accounts.lock(caller.team, account_id)
    if account is None:
        raise no_service_account("id")
    return account
