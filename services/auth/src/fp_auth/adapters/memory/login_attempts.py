"""Failed logins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fp_auth.app.ports import Subject
from fp_auth.domain.lockout import Attempts


@dataclass(slots=True)
class MemoryLoginAttempts:
    rows: dict[Subject, Attempts] = field(default_factory=dict)

    async def lock(self, subjects: Sequence[Subject]) -> Mapping[Subject, Attempts]:
        return {subject: self.rows.setdefault(subject, Attempts()) for subject in sorted(subjects)}

    async def save(self, subject: Subject, attempts: Attempts) -> None:
        self.rows[subject] = attempts

    async def forget(self, subject: Subject) -> None:
        self.rows.pop(subject, None)

    async def prune(self, before: datetime, limit: int) -> int:
        seen = [subject for subject, attempts in self.rows.items() if attempts.last_at and attempts.last_at < before]
        old = seen[:limit]
        for subject in old:
            del self.rows[subject]
        return len(old)
