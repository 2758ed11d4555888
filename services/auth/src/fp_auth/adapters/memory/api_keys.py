"""API keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fp_kernel import PageRequest

from fp_auth.adapters.memory.pages import page_of_rows
from fp_auth.adapters.memory.users import MemoryRoles, MemoryUsers
from fp_auth.app.ports import KeyHolder
from fp_auth.domain.api_keys import ApiKey


@dataclass(slots=True)
class MemoryApiKeys:
    users: MemoryUsers
    roles: MemoryRoles
    rows: dict[str, ApiKey] = field(default_factory=dict)
    hashes: dict[bytes, str] = field(default_factory=dict)

    async def add(self, key: ApiKey, key_hash: bytes, created_by: str) -> None:  # noqa: ARG002 -- kept in Postgres
        self.rows[key.id] = key
        self.hashes[key_hash] = key.id

    async def find_by_hash(self, key_hash: bytes) -> KeyHolder | None:
        key = self.rows.get(self.hashes.get(key_hash, ""))
        if key is None:
            return None
        user = self.users.rows[key.user_id]
        return KeyHolder(key, user, self.roles.rows[user.role])

    async def lock(self, team: str, key_id: str) -> ApiKey | None:
        key = self.rows.get(key_id)
        return key if key and key.team == team else None

    async def save(self, key: ApiKey) -> None:
        self.rows[key.id] = key

    async def touch(self, key_id: str, minute: datetime) -> None:
        key = self.rows[key_id]
        if key.last_used_at is None or key.last_used_at < minute:
            self.rows[key_id] = replace(key, last_used_at=minute)

    async def page(self, team: str, user_id: str, page: PageRequest, *, include_revoked: bool) -> Sequence[ApiKey]:
        mine = (key for key in self.rows.values() if (key.team, key.user_id) == (team, user_id))
        return page_of_rows((key for key in mine if include_revoked or not key.revoked_at), page)
