"""One metered fact."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fp_kernel import invalid
from fp_kernel.texts import check_length, is_text

from fp_billing.domain.meters import Fact, Meter
from fp_billing.domain.plans import Money

# A petabyte, more than any artifact has and any job takes; a number beyond it is a mistake of units.
MAX_QUANTITY = 10**15
MAX_TEXT = 256
MAX_SOURCE = 512


@dataclass(frozen=True, slots=True)
class Usage:
    """What is to be recorded; see `check_usage`.

    source_id: what was counted; the same one is counted once for each meter.
    occurred_at: None is now.
    correlation_id, trace: of the call that caused it; empty for the current one.
    """

    meter: Meter
    quantity: int
    source_id: str
    model_id: str = ""
    model_version: str = ""
    occurred_at: datetime | None = None
    correlation_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)

    @property
    def fact(self) -> Fact:
        return Fact(self.meter, self.source_id)


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """Usage as it was priced and counted.

    occurred_at: when it counts; the fact's own time unless that was in the future or too late for its period.
    billable: units beyond the allowance.
    """

    id: str
    team: str
    plan_id: str
    meter: Meter
    quantity: int
    billable: int
    cost: Money
    source_id: str
    model_id: str
    model_version: str
    occurred_at: datetime
    correlation_id: str = ""
    trace: Mapping[str, str] = field(default_factory=dict)

    @property
    def fact(self) -> Fact:
        return Fact(self.meter, self.source_id)


def check_usage(usage: Usage) -> None:
    """Raises InvalidArgument naming the field of the request."""
    if not 0 <= usage.quantity <= MAX_QUANTITY:
        raise invalid("quantity", f"must be 0 to {MAX_QUANTITY}")
    _check_text(usage.source_id, "source_request_id", MAX_SOURCE)
    _check_text(usage.model_id, "model_id")
    _check_text(usage.model_version, "model_version")
    if not usage.source_id:
        raise invalid("source_request_id", "must name what is counted, so that it is counted once")


def _check_text(text: str, name: str, longest: int = MAX_TEXT) -> None:
    check_length(text, name, longest)
    if not is_text(text):
        raise invalid(name, "must not hold control characters")
