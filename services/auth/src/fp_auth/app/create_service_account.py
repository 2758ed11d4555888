"""A new service account, without keys."""

from collections.abc import Sequence

from fp_kernel import AlreadyExists, Clock, Command, FieldViolation, Principal, new_id

from fp_auth.app.refusals import check_holds
from fp_auth.app.service_account_ports import ServiceAccountTransactions
from fp_auth.domain.scopes import parse_scopes
from fp_auth.domain.service_accounts import ServiceAccount, parse_account_name, parse_description


class CreateServiceAccount:
    def __init__(self, transactions: ServiceAccountTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self, caller: Principal, *, name: str, description: str, scopes: Sequence[str], command: Command | None = None
    ) -> ServiceAccount:
        """Raises InvalidArgument, AlreadyExists, PermissionDenied for a scope that the caller does not have."""
        account = ServiceAccount(
            id=new_id(),
            team=caller.team,
            name=parse_account_name(name),
            description=parse_description(description),
            scopes=parse_scopes(scopes),
            created_by=caller.user_id,
            created_at=self._clock.now(),
        )
        check_holds(caller, account.scopes, "scopes")
        async with self._transactions(command) as tx:
            if not await tx.service_accounts.add(account):
                raise AlreadyExists(
                    f"name: the team has or had a service account '{account.name}'",
                    reason="SERVICE_ACCOUNT_EXISTS",
                    fields=(FieldViolation("name", "is taken"),),
                )
            await tx.complete(account)
        return account
