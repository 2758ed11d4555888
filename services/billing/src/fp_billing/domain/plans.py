"""Rate plans: what a unit of each meter costs, how many are free, and how many are too many."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from fp_kernel import invalid, new_id

from fp_billing.domain.meters import MAX_INT64, Meter

MAX_NAME = 128
# A price times the largest quantity of one record (usage.MAX_QUANTITY) fits 64 bits.
MAX_PRICE_MICROS = 900_000_000
MICROS = 1_000_000

_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Money:
    """amount_micros: millionths of a unit of the currency (ISO 4217)."""

    amount_micros: int
    currency: str


@dataclass(frozen=True, slots=True)
class Rate:
    """One meter of a plan.

    price_micros: for each unit beyond the allowance.
    included: units of a period that are free.
    quota: units of a period beyond which the quota is exceeded; 0 is no quota.
    """

    price_micros: int
    included: int = 0
    quota: int = 0


@dataclass(frozen=True, slots=True)
class RatePlan:
    """Never changes once it is made: what was priced by it stays explained by it. rates: one for every meter."""

    id: str
    name: str
    currency: str
    rates: Mapping[Meter, Rate]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What a caller says of a plan; see `create_plan`. Keys are the contract's names of meters."""

    name: str
    prices: Mapping[str, Money]
    included: Mapping[str, int]
    quotas: Mapping[str, int]


PREFIX = "METER_TYPE_"
_METERS = {f"{PREFIX}{meter}": meter for meter in Meter}


def create_plan(new: NewPlan, now: datetime) -> RatePlan:
    """Every meter has a price, 0 included, so that no usage is ever without one.

    Raises InvalidArgument naming the field.
    """
    _check_name(new.name)
    for field, given in (
        ("unit_prices", new.prices),
        ("included_quantities", new.included),
        ("quota_limits", new.quotas),
    ):
        _check_meters(field, given)
    _check_quantities("included_quantities", new.included)
    _check_quantities("quota_limits", new.quotas)
    currency = _currency(new.prices)
    rates = {
        meter: Rate(new.prices[key].amount_micros, new.included.get(key, 0), new.quotas.get(key, 0))
        for key, meter in _METERS.items()
    }
    return RatePlan(new_id(), new.name, currency, rates, now)


def _check_name(name: str) -> None:
    if not name:
        raise invalid("name", "must not be empty")
    if len(name) > MAX_NAME:
        raise invalid("name", f"has {len(name)} characters, at most {MAX_NAME} are allowed")
    if not name.isprintable() or name != name.strip():
        raise invalid("name", "must be one line without control characters and outer spaces")


def _check_meters(field: str, given: Mapping[str, object]) -> None:
    for key in given:
        if key not in _METERS:
            raise invalid(f"{field}[{key[:64]}]", f"is no meter; use one of {', '.join(_METERS)}")


def _check_quantities(field: str, given: Mapping[str, int]) -> None:
    for key, quantity in given.items():
        if not 0 <= quantity <= MAX_INT64:
            raise invalid(f"{field}[{key}]", "must not be negative")


def _currency(prices: Mapping[str, Money]) -> str:
    """The one currency of the prices, after each was checked."""
    currency = ""
    for key in _METERS:
        field = f"unit_prices[{key}]"
        price = prices.get(key)
        if price is None:
            raise invalid(field, "is missing; a meter that is free has the price 0")
        if not 0 <= price.amount_micros <= MAX_PRICE_MICROS:
            raise invalid(field, f"must be 0 to {MAX_PRICE_MICROS} micros")
        if not _CURRENCY.fullmatch(price.currency):
            raise invalid(field, "currency_code must be three capital letters, for example USD")
        if currency and price.currency != currency:
            raise invalid(field, f"is in {price.currency}, but the plan is in {currency}; a plan has one currency")
        currency = price.currency
    return currency


DEFAULT_PLAN = RatePlan(
    id="01909eb0-0000-7000-8000-000000000001",
    name="default",
    currency="USD",
    rates={
        Meter.INFERENCE_REQUEST: Rate(price_micros=100, included=10_000),
        Meter.INFERENCE_TOKENS: Rate(price_micros=2, included=100_000),
        Meter.COMPUTE_SECONDS: Rate(price_micros=50, included=3_600),
        Meter.STORAGE_BYTES: Rate(price_micros=0),
    },
    created_at=datetime(2024, 7, 11, tzinfo=UTC),
)
"""The plan of a team that was given no other; the first migration seeds it."""
