"""What someone has set of the traffic of versions."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Share:
    """A version's part of a split.

    since: sequence of the target when it was set; once the version was undeployed after that, the share is void.
    """

    version_id: str
    since: int
    weight_bps: int


@dataclass(frozen=True, slots=True)
class Split:
    """revision: grows with each split of the route; the newest holds. shares: none deletes the route.

    set_by: empty for a split that code of before has stored. salt: empty for the default of the route.
    """

    shares: tuple[Share, ...]
    revision: int
    set_at: datetime
    set_by: str = ""
    salt: str = ""
