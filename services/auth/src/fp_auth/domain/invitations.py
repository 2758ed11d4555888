"""An invitation: who may join which team with which role, by a link that is good once and for a day."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fp_kernel import FailedPrecondition

LIFE = timedelta(hours=24)
REMEMBERED = timedelta(days=7)
"""So long after its end the link is still answered with what became of it."""
MOST_REGISTRATIONS = 10_000
"""Of all who asked for an account themselves, so that nobody fills the table."""
MOST_PENDING = 1_000
"""Of one team, so that no admin fills the mailboxes of the world."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """invited_by: id of a person or a service account; empty for who registers himself.

    link_shown: whether somebody besides the reader of the address's mail has seen the link.
    """

    id: str
    team: str
    email: str
    role: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    withdrawn_at: datetime | None = None
    link_shown: bool = False

    def check_open(self, now: datetime) -> None:
        """Raises FailedPrecondition."""
        if self.accepted_at is not None:
            raise FailedPrecondition("the invitation was accepted; log in", reason="INVITATION_USED")
        if self.withdrawn_at is not None:
            raise FailedPrecondition("the invitation was withdrawn; ask for a new one", reason="INVITATION_WITHDRAWN")
        if now >= self.expires_at:
            raise FailedPrecondition("the invitation is over; ask for a new one", reason="INVITATION_EXPIRED")
