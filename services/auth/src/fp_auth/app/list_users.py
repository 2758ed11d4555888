"""The users of one team."""

from dataclasses import dataclass

from fp_kernel import Page, page_by_id, page_request_by_id

from fp_auth.app.ports import Stores
from fp_auth.domain.users import User


@dataclass(frozen=True, slots=True)
class ListUsers:
    stores: Stores

    async def __call__(self, team: str, *, page_size: int, page_token: str) -> Page[User]:
        """Raises InvalidArgument."""
        scope = ("users", team)
        request = page_request_by_id(page_size, page_token, scope=scope)
        return page_by_id(await self.stores.users.page(team, request), request, scope=scope)
