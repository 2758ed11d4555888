"""Storage: a byte that was stored at any time of a calendar month counts once for that month."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import Period
from fp_billing.domain.sources import share_of
from fp_billing.domain.usage import Usage


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A stored artifact. paid_for: the last month for which it was metered."""

    version_id: str
    model_id: str
    model_version: str
    size_bytes: int
    paid_for: Period


@dataclass(frozen=True, slots=True)
class ArchivedModel:
    """Its versions count for the month of `at` and for none after it."""

    model_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RestoredModel:
    """Its versions count again, from the month of `at` on."""

    model_id: str
    at: datetime


def due(version: StoredVersion, until: Period) -> Iterator[Usage]:
    """What the version is to be metered for: each month behind the last one, up to and with `until`."""
    month = Period(version.paid_for.end)
    while month <= until:
        yield Usage(
            meter=Meter.STORAGE_BYTES,
            quantity=version.size_bytes,
            source_id=share_of(version.version_id, month.start),
            model_id=version.model_id,
            model_version=version.model_version,
            occurred_at=month.start,
        )
        month = Period(month.end)
