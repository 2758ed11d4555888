"""Reads of service accounts."""

from fp_kernel import Page, Principal, page_by_id, page_request_by_id, parse_id

from fp_auth.app.refusals import no_service_account
from fp_auth.app.service_account_ports import ServiceAccountReads
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.service_accounts import ServiceAccount


class ServiceAccountQueries:
    def __init__(self, reads: ServiceAccountReads) -> None:
        self._reads = reads

    async def account(self, caller: Principal, account_id: str, field: str = "id") -> ServiceAccount:
        """Raises InvalidArgument, NotFound, also for one of another team."""
        account = await self._reads.find(caller.team, parse_id(account_id, field))
        if account is None:
            raise no_service_account(field)
        return account

    async def accounts(self, caller: Principal, *, page_size: int, page_token: str) -> Page[ServiceAccount]:
        """Raises InvalidArgument."""
        scope = ("service-accounts", caller.team)
        request = page_request_by_id(page_size, page_token, scope=scope)
        return page_by_id(await self._reads.page(caller.team, request), request, scope=scope)

    async def keys(
        self, caller: Principal, *, account_id: str, include_revoked: bool, page_size: int, page_token: str
    ) -> Page[ApiKey]:
        """Raises InvalidArgument, NotFound."""
        account = await self.account(caller, account_id, "service_account_id")
        scope = ("service-account-keys", account.id, str(include_revoked))
        request = page_request_by_id(page_size, page_token, scope=scope)
        rows = await self._reads.keys(account.id, request, include_revoked=include_revoked)
        return page_by_id(rows, request, scope=scope)
