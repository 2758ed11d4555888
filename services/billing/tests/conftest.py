"""What unit, integration and component tests share."""

import pytest
from fp_billing.domain.meters import Meter
from fp_billing.domain.plans import Money, NewPlan


def _new_plan(name="gold", *, price=100, included=0, quota=0, currency="USD"):
    """A plan that treats every meter the same."""
    names = [f"METER_TYPE_{meter}" for meter in Meter]
    return NewPlan(
        name, dict.fromkeys(names, Money(price, currency)), dict.fromkeys(names, included), dict.fromkeys(names, quota)
    )


@pytest.fixture(scope="session")
def new_plan():
    return _new_plan
