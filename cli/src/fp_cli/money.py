"""Exact amounts, and what they are for."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from forgepoint.billing.v1 import billing_pb2 as pb
from fp_kernel import invalid

from fp_cli import pairs
from fp_cli.moments import stamp

_MICROS: Final = 1_000_000
_PREFIX: Final = "METER_TYPE_"
METERS: Final = tuple(name.removeprefix(_PREFIX) for name in pb.MeterType.keys()[1:])


def shown(money: Mapping[str, Any] | None) -> str:
    """`0.0001 EUR`, to the last millionth."""
    if not money or not money.get("currency_code"):
        return ""
    amount = Decimal(money["amount_micros"]) / _MICROS
    text = f"{amount:f}"
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.rstrip('0'):0<2} {money['currency_code']}"


def micros(text: str, option: str) -> int:
    """Raises InvalidArgument naming the option."""
    try:
        amount = Decimal(text) * _MICROS
        if amount.is_finite() and amount == amount.to_integral_value():
            return int(amount)
    except InvalidOperation:
        pass
    raise invalid(option, f"{text!r} is not an amount of at most six decimals")


def meter(text: str, option: str) -> str:
    """The API's name of `inference-request`. Raises InvalidArgument naming the option."""
    name = text.strip().upper().replace("-", "_")
    if name not in METERS:
        raise invalid(option, f"{text!r} is none of {', '.join(METERS)}")
    return f"{_PREFIX}{name}"


def new_plan(
    name: str, currency: str, prices: Sequence[str], included: Sequence[str], quotas: Sequence[str]
) -> pb.CreateRatePlanRequest:
    """Raises InvalidArgument naming the option."""
    request = pb.CreateRatePlanRequest(name=name)
    for key, text in pairs.texts(prices, "price").items():
        price = pb.Money(amount_micros=micros(text, "price"), currency_code=currency.upper())
        request.unit_prices[meter(key, "price")].CopyFrom(price)
    for option, values, target in (
        ("included", included, request.included_quantities),
        ("quota", quotas, request.quota_limits),
    ):
        for key, text in pairs.texts(values, option).items():
            if not text.isascii() or not text.isdecimal():
                raise invalid(option, f"{key}={text!r} is not a number of units")
            target[meter(key, option)] = int(text)
    return request


def rates(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each meter of a plan."""
    return [
        {
            "meter": name.removeprefix(_PREFIX),
            "price": shown(price),
            "included": plan["included_quantities"].get(name, 0),
            "quota": plan["quota_limits"].get(name) or "none",
        }
        for name, price in sorted(plan["unit_prices"].items(), key=lambda each: _place(each[0]))
    ]


def used(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A row for each meter of a month or day."""
    found = sorted(summary["by_meter"].items(), key=lambda each: _place(each[0]))
    return [
        {
            "period": summary["period_start"][:10],
            "until": summary["period_end"][:10],
            "meter": name.removeprefix(_PREFIX),
            "quantity": usage["total_quantity"],
            "cost": shown(usage.get("total_cost")),
        }
        for name, usage in found
    ]


def _place(name: str) -> int:
    short = name.removeprefix(_PREFIX)
    return METERS.index(short) if short in METERS else len(METERS)


def period(month: str, start: str, end: str) -> tuple[Any, Any]:
    """Start and end as Timestamps; None where nothing was said. Raises InvalidArgument naming the option."""
    if not month:
        return stamp(start, "from"), stamp(end, "to")
    if start or end:
        raise invalid("month", "cannot be given with --from or --to")
    try:
        first = date.fromisoformat(f"{month}-01")
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    except ValueError:
        raise invalid("month", f"{month!r} is not a month such as 2026-11") from None
    return stamp(first.isoformat(), "month"), stamp(following.isoformat(), "month")
