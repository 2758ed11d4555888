"""What usage costs: first the allowance, then the price."""

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
    change what a period costs.
    Raises OutOfRange when the period would hold more units, or cost more, than can be counted.
    """
    if max(prior + quantity, (prior + quantity - rate.included) * rate.price_micros) > MAX_INT64:
        raise OutOfRange("the period would hold more units than can be counted", reason="USAGE_TOO_LARGE")
    billable = max(0, prior + quantity - rate.included) - max(0, prior - rate.included)
    return Charge(billable, billable * rate.price_micros)
