"""Refresh tokens and their families."""

from dataclasses import dataclass, field
from datetime import datetime

from fp_auth.domain.sessions import RefreshToken


@dataclass(slots=True)
class MemorySessions:
    """families: user, start, end by age, end by decision."""

    families: dict[str, tuple[str, datetime, datetime, datetime | None]] = field(default_factory=dict)
    tokens: dict[bytes, tuple[str, datetime, datetime | None]] = field(default_factory=dict)

    async def start(self, family_id: str, user_id: str, started: datetime, ends: datetime) -> None:
        self.families[family_id] = (user_id, started, ends, None)

    async def add_token(
        self,
        family_id: str,
        token_hash: bytes,
        issued: datetime,  # noqa: ARG002 -- kept in Postgres
        expires: datetime,
    ) -> None:
        self.tokens[token_hash] = (family_id, expires, None)

    async def lock(self, token_hash: bytes) -> RefreshToken | None:
        if token_hash not in self.tokens:
            return None
        family_id, expires, spent = self.tokens[token_hash]
        user_id, started, _, ended = self.families[family_id]
        return RefreshToken(family_id, user_id, started, expires, spent, ended)

    async def spend(self, token_hash: bytes, now: datetime) -> None:
        family_id, expires, _ = self.tokens[token_hash]
        self.tokens[token_hash] = (family_id, expires, now)

    async def end(self, family_id: str, now: datetime, reason: str) -> None:  # noqa: ARG002 -- kept in Postgres
        user_id, started, ends, ended = self.families[family_id]
        self.families[family_id] = (user_id, started, ends, ended or now)

    async def prune(self, now: datetime, limit: int) -> int:
        old = [family_id for family_id, (_, _, ends, _) in self.families.items() if ends < now][:limit]
        for family_id in old:
            del self.families[family_id]
        for token in [token for token, (family_id, *_) in self.tokens.items() if family_id in old]:
            del self.tokens[token]
        return len(old)
