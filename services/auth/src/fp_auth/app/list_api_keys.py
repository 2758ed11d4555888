"""The API keys of one user."""

from dataclasses import dataclass

from fp_kernel import Page, Principal, page_by_id, page_request_by_id

from fp_auth.app.access import owner_named
from fp_auth.app.ports import Stores
from fp_auth.domain.api_keys import ApiKey


@dataclass(frozen=True, slots=True)
class ListApiKeys:
    stores: Stores

    async def __call__(
        self, caller: Principal, *, user_id: str, include_revoked: bool, page_size: int, page_token: str
    ) -> Page[ApiKey]:
        """Raises InvalidArgument, PermissionDenied, NotFound."""
        owner = await owner_named(self.stores.users, caller, user_id)
        scope = ("api-keys", owner.team, owner.id, str(include_revoked))
        request = page_request_by_id(page_size, page_token, scope=scope)
        rows = await self.stores.api_keys.page(owner.team, owner.id, request, include_revoked=include_revoked)
        return page_by_id(rows, request, scope=scope)
