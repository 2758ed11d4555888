"""Signing keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from fp_auth.app.ports import SigningKey


@dataclass(slots=True)
class MemorySigningKeys:
    rows: dict[str, SigningKey] = field(default_factory=dict)

    async def all(self) -> Sequence[SigningKey]:
        return sorted(self.rows.values(), key=lambda key: (key.life.created_at, key.life.kid))

    async def add(self, key: SigningKey) -> None:
        self.rows[key.life.kid] = key

    async def promote(self, kid: str, now: datetime) -> None:
        self.rows[kid] = replace(self.rows[kid], life=replace(self.rows[kid].life, signs_from=now))

    async def retire(self, kid: str, now: datetime) -> None:
        self.rows[kid] = replace(self.rows[kid], life=replace(self.rows[kid].life, retired_at=now))

    async def drop(self, kids: Sequence[str]) -> None:
        for kid in kids:
            del self.rows[kid]
