"""Ports of the use-cases about accounts, beside `ports`."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Protocol

from fp_kernel import PageRequest

from fp_auth.domain.account_links import Link, LinkKind
from fp_auth.domain.invitations import Invitation
from fp_auth.domain.sessions import OpenedSession, RefreshToken
from fp_auth.domain.teams import Team
from fp_auth.domain.withdrawals import Withdrawal


class Sessions(Protocol):
    async def start(
        self, family_id: str, user_id: str, started: datetime, ends: datetime, *, address: str = ""
    ) -> None: ...

    async def add_token(
        self, family_id: str, token_hash: bytes, issued: datetime, expires: datetime, *, predecessor: bytes | None
    ) -> None:
        """predecessor: the token that it replaces."""
        ...

    async def lock(self, token_hash: bytes) -> RefreshToken | None:
        """The token; its family is nobody else's until the transaction ends."""
        ...

    async def spend(self, token_hash: bytes, now: datetime) -> None:
        """Also the others that replaced its predecessor; a token that was spent before stays so."""
        ...

    async def find(self, family_id: str) -> OpenedSession | None:
        """Also one that has ended."""
        ...

    async def end(self, family_id: str, now: datetime, reason: str) -> None: ...

    async def end_of_user(self, user_id: str, now: datetime, reason: str, *, spared: str = "") -> datetime | None:
        """All open ones but one; when a token of them was last issued, None when there were none."""
        ...

    async def erase(self, user_id: str) -> None:
        """Deletes all of a user, with the addresses that they came from."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Delete families that ended by age; how many."""
        ...


class SessionReads(Protocol):
    async def open_of_user(
        self, user_id: str, now: datetime, used_after: datetime, page: PageRequest
    ) -> Sequence[OpenedSession]:
        """In order of their start, one more than the page's size when there is a next page."""
        ...


class AccountLinks(Protocol):
    async def add(self, link: Link, token_hash: bytes) -> None: ...

    async def count_since(self, user_id: str, kind: LinkKind, since: datetime) -> int: ...

    async def take(self, token_hash: bytes, kind: LinkKind, now: datetime) -> Link | None:
        """The link, used up by this; None when it is unknown, used or over."""
        ...

    async def void(self, user_id: str, kind: LinkKind, now: datetime) -> None:
        """Those that are not used can not be any more."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Delete those that are over; how many."""
        ...


class LinkReads(Protocol):
    async def find(self, token_hash: bytes, kind: LinkKind, now: datetime) -> Link | None:
        """One that can still be used; it stays so."""
        ...


class Invitations(Protocol):
    async def add(self, invitation: Invitation, token_hash: bytes) -> None: ...

    async def lock(self, invitation_id: str) -> Invitation | None:
        """The invitation, which nobody else changes until the transaction ends."""
        ...

    async def lock_by_token(self, token_hash: bytes) -> Invitation | None:
        """As `lock`; also one that is used, withdrawn or over."""
        ...

    async def accept(self, invitation_id: str, now: datetime) -> None: ...

    async def withdraw(self, invitation_id: str, now: datetime) -> None: ...

    async def withdraw_earlier(self, team: str, email: str, now: datetime) -> None:
        """Those of the address to the team that can still be accepted."""
        ...

    async def show_link(self, invitation_id: str) -> None:
        """Note that somebody besides the reader of the address's mail has seen the link."""
        ...

    async def count_since(self, email: str, since: datetime, *, to_oneself: bool = False) -> int:
        """To all teams, whatever became of them. to_oneself: registrations, else invitations by others."""
        ...

    async def count_registrations(self, now: datetime, most: int) -> int:
        """Those that can still be accepted, counted to `most`."""
        ...

    async def count_pending(self, team: str, now: datetime, most: int) -> int:
        """Those that can still be accepted, counted to `most`."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Delete those that are over for long; how many."""
        ...


class InvitationReads(Protocol):
    async def find_by_token(self, token_hash: bytes) -> Invitation | None:
        """Also one that is used, withdrawn or over."""
        ...

    async def page(self, team: str, now: datetime, page: PageRequest) -> Sequence[Invitation]:
        """Those that can still be accepted, in order of creation, one more than the page's size when there is a next
        page.
        """
        ...


class Withdrawals(Protocol):
    async def add(self, withdrawal: Withdrawal) -> Withdrawal:
        """In place of an earlier one of the same identity; answers it with its revision."""
        ...

    async def prune(self, now: datetime, limit: int) -> int:
        """Delete those that no token can be out for; how many."""
        ...


class WithdrawalReads(Protocol):
    def pages(self) -> AsyncIterator[Sequence[Withdrawal]]:
        """All of them, a part at a time."""
        ...


class Teams(Protocol):
    async def find(self, team_id: str) -> Team | None: ...

    async def lock(self, team_id: str) -> Team | None:
        """The team, which nobody else changes, nor adds to where it is limited, until the transaction ends."""
        ...

    async def hold(self, team_id: str) -> Team | None:
        """The team, which nobody changes until the transaction ends; others may hold it too."""
        ...

    async def add(self, team: Team) -> bool:
        """False when there is one of this id."""
        ...

    async def save(self, team: Team) -> None: ...

    async def count_users(self, team_id: str) -> int: ...

    async def count_keys(self, team_id: str, now: datetime) -> int: ...

    async def page(self, page: PageRequest) -> Sequence[Team]:
        """In the order of their ids, one more than the page's size when there is a next page."""
        ...
