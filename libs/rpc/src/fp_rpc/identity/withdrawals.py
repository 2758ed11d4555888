"""Credentials that ended before their time: of users, teams, keys, sessions, signing keys and executions.

Tokens are verified without asking auth, so that a person who was disabled went on until his token ended, a quarter of
an hour later, and his job's token a day later. Each process holds what ended, by an event within a moment, and by
asking auth at its start and every minute, for the event that did not come.
"""

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from fp_kernel import Backoff, Clock, Error, Loaded, LoadingCache, Principal, SystemClock, Unauthenticated
from fp_kernel.identity import JOB_ROLE

USER: Final = "user"
TEAM: Final = "team"
API_KEY: Final = "api_key"
SESSION: Final = "session"
SIGNING_KEY: Final = "signing_key"
EXECUTION: Final = "execution"
KINDS: Final = (USER, TEAM, API_KEY, SESSION, SIGNING_KEY, EXECUTION)
FINAL: Final = 1 << 62
"""The revision of what never comes back, such as a revoked key."""

_FRESH: Final = 60.0
_BACKOFF: Final = Backoff(first=0.2, longest=2.0)
_FEWEST: Final = 1_024


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """revision: grows with each change of one identity; the newest counts.

    until: Unix seconds; no token that ends by this lives longer.
    before: Unix seconds; what was issued before ends. Infinite: everything, keys and jobs too. A finite one is about
    the logins of people: a new password must not end the keys in somebody's programs, nor the training that runs.
    spared_session: goes on where `before` is finite.
    """

    kind: str
    id: str
    revision: int
    until: float
    before: float = math.inf
    spared_session: str = ""

    def ends(self, principal: Principal) -> bool:
        """Whether the principal, who is of this identity, ended with it."""
        if math.isinf(self.before):
            return True
        if principal.api_key_id or principal.role == JOB_ROLE:
            return False
        spared = self.spared_session and self.spared_session == principal.session_id
        return principal.issued_at < self.before and not spared


class Withdrawals:
    """load: asks auth for all of them, bounded in time.

    What is held grows with what ended within the life of a token, a day at most, and is forgotten after that.
    """

    def __init__(self, load: Callable[[], Awaitable[Iterable[Withdrawal]]], *, clock: Clock | None = None) -> None:
        self._ask = load
        self._clock = clock or SystemClock()
        self._known: dict[tuple[str, str], Withdrawal] = {}
        self._loads: LoadingCache[None, bool] = LoadingCache(clock=self._clock, backoff=_BACKOFF)
        self._listeners: list[Callable[[], None]] = []
        self._prune_at = _FEWEST

    async def check(self, principal: Principal) -> None:
        """Raises Unauthenticated with reason IDENTITY_ENDED for who ended, Unavailable before auth was asked once.

        Services are judged by what is there: they need a token to ask auth.
        """
        if not principal.is_service:
            await self.load()
        if self.ended(principal):
            raise identity_ended()

    async def load(self) -> None:
        """Ask auth, unless it has answered already. Raises Unavailable when it does not."""
        await self._loads.get(None, self._load)

    def ended(self, principal: Principal) -> bool:
        """By what is held now. A service that acts for a team goes on: what a suspended team has must be undone."""
        known = self._known
        if not known:
            return False
        found = known.get((SIGNING_KEY, principal.signing_key))
        if found is not None or principal.is_service:
            return found is not None and found.ends(principal)
        return any(
            (found := known.get(identity)) is not None and found.ends(principal)
            for identity in (
                (USER, principal.user_id),
                (SESSION, principal.session_id),
                (API_KEY, principal.api_key_id),
                (TEAM, principal.team),
                (EXECUTION, principal.execution_id),
            )
        )

    async def of_kind(self, kind: str) -> Sequence[Withdrawal]:
        """All that is held of a kind, after asking auth when that was more than a minute ago.

        Raises Unavailable before auth was asked once.
        """
        await self._loads.get(None, self._load)
        return [each for each in self._known.values() if each.kind == kind]

    def gone(self, kind: str, identity: str) -> bool:
        """Whether everything of the identity has ended, by what is held now: what runs for it must stop."""
        found = self._known.get((kind, identity))
        return found is not None and math.isinf(found.before)

    def add(self, withdrawal: Withdrawal) -> None:
        """What an event says; an older one than what is held changes nothing."""
        if self._put(withdrawal):
            self._notify()

    def subscribe(self, listener: Callable[[], None]) -> None:
        """Called after each change: whoever holds open what a principal began asks `ended` again."""
        self._listeners.append(listener)

    async def renew(self) -> None:
        """Ask auth now; what is held stays when it does not answer.

        For a subscription that has begun: what ended between the first answer and it came by neither.
        """
        with suppress(Error):
            await self._loads.get(None, self._load, max_age=0.0)

    async def close(self) -> None:
        """End what is being asked."""
        await self._loads.close()

    async def _load(self) -> Loaded[bool]:
        changes = [self._put(each) for each in await self._ask()]
        if any(changes):
            self._notify()
        return Loaded(value=True, fresh_for=_FRESH)

    def _put(self, withdrawal: Withdrawal) -> bool:
        now = self._clock.now().timestamp()
        key = withdrawal.kind, withdrawal.id
        held = self._known.get(key)
        if withdrawal.until <= now or (held is not None and held.revision >= withdrawal.revision):
            return False
        if len(self._known) >= self._prune_at:
            self._known = {identity: each for identity, each in self._known.items() if each.until > now}
            self._prune_at = max(_FEWEST, 2 * len(self._known))
        self._known[key] = withdrawal
        return True

    def _notify(self) -> None:
        for listener in self._listeners:
            listener()


def identity_ended() -> Unauthenticated:
    return Unauthenticated("this login, key or job, or whose it is, has ended", reason="IDENTITY_ENDED")
