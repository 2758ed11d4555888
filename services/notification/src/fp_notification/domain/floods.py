"""Floods: beyond a few events of one kind and resource in a minute, one notification says how many more there were."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from fp_notification.domain.matching import Facts

WINDOW = timedelta(minutes=1)
FEW = 5
_IDS = UUID("01909eb0-0000-7000-8000-000000000003")


class Kind(NamedTuple):
    """Events that people would take for the same one."""

    team: str
    event_type: str
    resource_id: str


@dataclass(frozen=True, slots=True)
class Flood:
    """Events of one kind in a window. begins_at: of the window. before: how many there were before these."""

    kind: Kind
    begins_at: datetime
    before: int
    events: Sequence[Facts]

    @property
    def single(self) -> Sequence[Facts]:
        """Those that get a notification each."""
        return self.events[: max(0, FEW - self.before)]

    @property
    def rest(self) -> Sequence[Facts]:
        return self.events[max(0, FEW - self.before) :]

    @property
    def digested(self) -> int:
        """How many of the window are only counted, these included."""
        return max(0, self.before + len(self.events) - FEW)

    def digest(self) -> Facts:
        """One event that stands for the rest; of a window it is always the same one, and its text grows.

        Its summary is that of the newest, with the number before it.
        """
        newest = self.rest[-1]
        name = json.dumps([*self.kind, self.begins_at.isoformat()])
        return replace(
            newest,
            event_id=str(uuid5(_IDS, name)),
            severity=max(each.severity for each in self.rest),
            summary=f"{self.digested} more within a minute. The newest: {newest.summary or newest.type}",
            details={},
        )


def window_of(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)
