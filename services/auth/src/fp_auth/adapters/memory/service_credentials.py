"""Digests of the services' own credentials."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fp_auth.domain.credentials import OVERLAP


@dataclass(slots=True)
class MemoryServiceCredentials:
    """rows: when a hash was superseded, None while it is good."""

    rows: dict[tuple[str, bytes], datetime | None] = field(default_factory=dict)

    async def hashes(self, service: str, now: datetime) -> Sequence[bytes]:
        return [
            digest
            for (owner, digest), superseded in self.rows.items()
            if owner == service and (superseded is None or superseded > now - OVERLAP)
        ]

    async def replace(self, credentials: Sequence[tuple[str, bytes]], now: datetime) -> None:
        for known, superseded in self.rows.items():
            self.rows[known] = superseded or now
        self.rows.update(dict.fromkeys(credentials))
