"""How many retries the load allows."""


class RetryBudget:
    """Retries that calls have earned: a peer that is down gets a tenth more calls, not three times as many.

    ratio: retries earned by one call. burst: retries that may be saved, and the number at the start.
    """

    def __init__(self, ratio: float = 0.1, burst: float = 10.0) -> None:
        self._ratio = ratio
        self._burst = burst
        self._saved = burst

    def earn(self) -> None:
        self._saved = min(self._burst, self._saved + self._ratio)

    @property
    def allows(self) -> bool:
        """Whether one more retry is allowed now."""
        return self._saved >= 1.0

    def spend(self) -> bool:
        """Whether one more retry is allowed; it counts as made."""
        if not self.allows:
            return False
        self._saved -= 1.0
        return True
