"""Usage as it is published: summed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID, uuid5

from fp_billing.domain.meters import Meter
from fp_billing.domain.periods import day_of
from fp_billing.domain.plans import Money
from fp_billing.domain.usage import UsageRecord

_IDS = UUID("01909eb0-0000-7000-8000-000000000002")

Key = tuple[str, Meter, str, str, str, date]


@dataclass(frozen=True, slots=True)
class UsageSum:
    """Facts of one team, meter, model, version, plan and day of UTC.

    id: follows from the key and the first fact. A fact is in one sum only, so that no two sums share an id, and who
    makes the same sum again makes it under the same id.
    """

    id: str
    team: str
    meter: Meter
    model_id: str
    model_version: str
    plan_id: str
    day: date
    quantity: int
    cost: Money
    facts: int
    first_at: datetime
    last_at: datetime


def summed(records: Iterable[UsageRecord]) -> list[UsageSum]:
    """In the order of their keys, so that two writers take the rows in one order."""
    sums: dict[Key, UsageSum] = {}
    for record in records:
        key = _key(record)
        before = sums.get(key)
        sums[key] = _first(key, record) if before is None else _with(before, record)
    return [sums[key] for key in sorted(sums)]


def _key(record: UsageRecord) -> Key:
    day = day_of(record.occurred_at)
    return record.team, record.meter, record.model_id, record.model_version, record.plan_id, day


def _first(key: Key, record: UsageRecord) -> UsageSum:
    team, meter, model_id, model_version, plan_id, day = key
    name = json.dumps([*key[:-1], day.isoformat(), record.source_id])
    return UsageSum(
        id=str(uuid5(_IDS, name)),
        team=team,
        meter=meter,
        model_id=model_id,
        model_version=model_version,
        plan_id=plan_id,
        day=day,
        quantity=record.quantity,
        cost=record.cost,
        facts=1,
        first_at=record.occurred_at,
        last_at=record.occurred_at,
    )


def _with(total: UsageSum, record: UsageRecord) -> UsageSum:
    return replace(
        total,
        quantity=total.quantity + record.quantity,
        cost=Money(total.cost.amount_micros + record.cost.amount_micros, total.cost.currency),
        facts=total.facts + 1,
        first_at=min(total.first_at, record.occurred_at),
        last_at=max(total.last_at, record.occurred_at),
    )
