"""The state of a target's circuit, from the breakers of all processes."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from fp_inference.domain.breaker import State

_WORST_FIRST = (State.OPEN, State.HALF_OPEN, State.CLOSED)


@dataclass(frozen=True, slots=True)
class Circuit:
    """The breaker of one target. changed_at: of its last transition; None while it never left CLOSED."""

    version_id: str
    endpoint: str
    state: State = State.CLOSED
    failures: int = 0
    changed_at: datetime | None = None


def merged(own: Circuit, others: Iterable[Circuit]) -> Circuit:
    """The worst of what the processes say, with the most failures and the last transition among those who say so."""
    circuits = [own, *others]
    state = min((each.state for each in circuits), key=_WORST_FIRST.index)
    saying = [each for each in circuits if each.state is state]
    return replace(
        own,
        state=state,
        failures=max(each.failures for each in saying),
        changed_at=max((each.changed_at for each in saying if each.changed_at is not None), default=None),
    )
