"""How much a team may use in a period."""

from dataclasses import dataclass

from fp_billing.domain.meters import Meter


@dataclass(frozen=True, slots=True)
class Quota:
    """limit: 0 is none. used: all units of the period, free ones too."""

    meter: Meter
    limit: int
    used: int

    @property
    def remaining(self) -> int:
        """0 also when there is no limit: nothing is left to say."""
        return max(0, self.limit - self.used)

    @property
    def exceeded(self) -> bool:
        """Using the quota up is allowed; one unit more is not."""
        return 0 < self.limit < self.used
