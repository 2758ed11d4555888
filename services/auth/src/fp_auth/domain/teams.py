"""A team: the tenant of the platform."""

from dataclasses import dataclass, replace
from datetime import datetime

from fp_kernel import ResourceExhausted, invalid
from fp_kernel.texts import check_line

_MAX_NAME = 100
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """0 is without a limit. users: accounts that are not deleted. keys: those that are neither revoked nor over."""

    users: int = 0
    keys: int = 0

    def check_users(self, there_are: int) -> None:
        """Whether one more fits. Raises ResourceExhausted."""
        if self.users and there_are >= self.users:
            raise ResourceExhausted(
                f"the team may have {self.users} users", reason="TEAM_LIMIT", metadata={"quota": "users"}
            )

    def check_keys(self, there_are: int) -> None:
        """Whether one more fits. Raises ResourceExhausted."""
        if self.keys and there_are >= self.keys:
            raise ResourceExhausted(
                f"the team may have {self.keys} API keys", reason="TEAM_LIMIT", metadata={"quota": "keys"}
            )


@dataclass(frozen=True, slots=True)
class Team:
    """id: the label that models, runs and bills carry. suspended_at: None for one whose people may come in.

    revision: grows with each change. changed_by: who made the last one; empty when there was none.
    """

    id: str
    display_name: str
    created_at: datetime
    suspended_at: datetime | None = None
    limits: Limits = Limits()
    revision: int = 1
    changed_by: str = ""

    def suspended(self, now: datetime, by: str) -> "Team":
        return replace(self.changed(by), suspended_at=now)

    def resumed(self, by: str) -> "Team":
        return replace(self.changed(by), suspended_at=None)

    def changed(self, by: str) -> "Team":
        """At its next revision."""
        return replace(self, revision=self.revision + 1, changed_by=by)


def parse_display_name(value: str, team_id: str) -> str:
    """The id where none is given. Raises InvalidArgument."""
    name = value.strip() or team_id
    check_line(name, "display_name", _MAX_NAME)
    return name


def parse_limits(users: int, keys: int) -> Limits:
    """Raises InvalidArgument."""
    for field, value in (("limits.max_users", users), ("limits.max_keys", keys)):
        if not 0 <= value <= _MOST:
            raise invalid(field, f"must be 0 (no limit) to {_MOST}")
    return Limits(users, keys)
