"""Users and roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from fp_kernel import PageRequest

from fp_auth.adapters.memory.pages import page_of_rows
from fp_auth.domain.users import Role, User


@dataclass(slots=True)
class MemoryUsers:
    rows: dict[str, User] = field(default_factory=dict)

    async def find(self, user_id: str) -> User | None:
        return self.rows.get(user_id)

    async def find_by_email(self, email: str) -> User | None:
        return next((user for user in self.rows.values() if user.email == email), None)

    async def admin_exists(self) -> bool:
        return bool(await self.lock_admins())

    async def add(self, user: User) -> bool:
        if await self.find_by_email(user.email):
            return False
        self.rows[user.id] = user
        return True

    async def set_role(self, user_id: str, role: str) -> None:
        self.rows[user_id] = replace(self.rows[user_id], role=role)

    async def set_password_hash(self, user_id: str, password_hash: str) -> None:
        self.rows[user_id] = replace(self.rows[user_id], password_hash=password_hash)

    async def lock_admins(self) -> Sequence[str]:
        return sorted(user.id for user in self.rows.values() if user.role == "admin")

    async def page(self, team: str, page: PageRequest) -> Sequence[User]:
        return page_of_rows((user for user in self.rows.values() if user.team == team), page)


@dataclass(slots=True)
class MemoryRoles:
    rows: Mapping[str, Role]

    async def find(self, name: str) -> Role | None:
        return self.rows.get(name)
