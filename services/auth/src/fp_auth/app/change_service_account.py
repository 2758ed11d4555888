"""Another description and other scopes for a service account."""

from collections.abc import Sequence
from dataclasses import replace

from fp_kernel import Command, Principal, parse_id

from fp_auth.app.refusals import check_holds, no_service_account
from fp_auth.app.service_account_ports import ServiceAccountTransactions
from fp_auth.domain.scopes import parse_scopes
from fp_auth.domain.service_accounts import ServiceAccount, parse_description


class ChangeServiceAccount:
    """Its keys have at most what it has now; services that remember one ask again within 30 seconds."""

    def __init__(self, transactions: ServiceAccountTransactions) -> None:
        self._transactions = transactions

    async def __call__(
        self,
        caller: Principal,
        account_id: str,
        *,
        description: str,
        scopes: Sequence[str],
        command: Command | None = None,
    ) -> ServiceAccount:
        """Raises InvalidArgument, NotFound, PermissionDenied for scopes, old or new, that the caller does not have."""
        account_id, wanted = parse_id(account_id, "id"), parse_scopes(scopes)
        description = parse_description(description)
        async with self._transactions(command) as tx:
            account = await tx.service_accounts.lock(caller.team, account_id)
            if account is None:
                raise no_service_account("id")
            check_holds(caller, account.scopes | wanted, "scopes")
            changed = replace(account, description=description, scopes=wanted)
            await tx.service_accounts.save(changed)
            await tx.complete(changed)
        return changed
