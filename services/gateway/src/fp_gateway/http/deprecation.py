"""Routes and RPCs that are on their way out say so in their answers (RFC 9745, RFC 8594)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Final


@dataclass(frozen=True, slots=True)
class Deprecation:
    """since: when it was deprecated. sunset: from when on it may be gone. instead: page that says what to use."""

    since: datetime
    sunset: datetime
    instead: str

    def headers(self) -> Mapping[str, str]:
        return {
            "deprecation": f"@{int(self.since.timestamp())}",
            "sunset": format_datetime(self.sunset, usegmt=True),
            "link": f'<{self.instead}>; rel="deprecation"',
        }


RPCS: Final[Mapping[str, Deprecation]] = {}
"""By path, `/package.Service/Name`. Their HTTP routes go with them; over gRPC it is the edge that adds the headers."""
