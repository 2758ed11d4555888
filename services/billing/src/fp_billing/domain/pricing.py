"""The cost of usage: first the allowance, then the price."""

from dataclasses import dataclass

from fp_kernel import OutOfRange

from fp_billing.domain.meters import MAX_INT64
from fp_billing.domain.plans import Rate


@dataclass(frozen=True, slots=True)
class Charge:
    """billable: units beyond the allowance. cost_micros: their price."""

    billable: int
    cost_micros: int


def price(rate: Rate, prior: int, quantity: int) -> Charge:
    """What the next `quantity` units cost after `prior` units of the period, free ones counted.

    Additive: pricing a + b after p is pricing a after p and b after p + a, so that neither batches nor their order
    change what a period costs. Where a price is for many units, a part of a micro is not lost and not rounded twice:
    the next record that makes it whole has it, since each costs what the total has grown by.
    Raises OutOfRange when the period would hold more units, or cost more, than can be counted.
    """
    before, after = max(0, prior - rate.included), max(0, prior + quantity - rate.included)
    if max(prior + quantity, _cost(rate, after)) > MAX_INT64:
        raise OutOfRange("the period would hold more units than can be counted", reason="USAGE_TOO_LARGE")
    return Charge(after - before, _cost(rate, after) - _cost(rate, before))


def _cost(rate: Rate, billable: int) -> int:
    """Of the first so many units beyond the allowance, whole micros."""
    return billable * rate.price_micros // rate.per_units
