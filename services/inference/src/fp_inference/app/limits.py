"""How many predictions who may ask for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fp_kernel.bucket import Limit

DEFAULT = "default"
STANDARD = Limit(rate=100.0, burst=200)
BURST_SECONDS = 2
"""What a team or a key with a limit of its own saves while it pauses."""


@dataclass(frozen=True, slots=True)
class Limits:
    """By role, else the default; what a team's plan allows comes beside it."""

    default: Limit = STANDARD
    by_role: Mapping[str, Limit] = field(default_factory=dict)

    def of(self, role: str, key_rate: int = 0) -> Limit:
        """key_rate: of the API key itself, tokens a second; 0 for none. A key never has more than its role."""
        limit = self.by_role.get(role, self.default)
        return Limit(float(key_rate), BURST_SECONDS * key_rate) if 0 < key_rate < limit.rate else limit


def parse_limits(text: str) -> Limits:
    """From `default=100/200,engineer=2000/4000`: tokens a second and burst, by role.

    Raises ValueError that says what is wrong.
    """
    found: dict[str, Limit] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        role, _, limit = part.partition("=")
        rate, _, burst = limit.partition("/")
        try:
            parsed = Limit(float(rate), int(burst))
        except ValueError:
            raise ValueError(f"{part!r} is not <role>=<tokens a second>/<burst>") from None
        if not role or parsed.rate <= 0 or parsed.burst < 1:
            raise ValueError(f"{part!r} needs a role, a rate above 0 and a burst of at least 1")
        found[role.strip()] = parsed
    default = found.pop(DEFAULT, STANDARD)
    return Limits(default, found)
