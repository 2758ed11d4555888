"""Which denials, and which calls of nobody, become a record of their own and which are only counted."""

from dataclasses import dataclass, replace

from fp_kernel.audit import AuditRecord


@dataclass(frozen=True, slots=True)
class DenialPolicy:
    """reported: denials of one kind that become records within a window of so many seconds.

    anonymous: the same of calls whose caller is not known, whatever their status: anybody can make as many as he likes.
    kinds: how many are counted separately; while so many windows are open, further callers of a method count together.
    """

    reported: int = 5
    anonymous: int = 1
    window: float = 60.0
    kinds: int = 10_000


@dataclass(slots=True)
class _Window:
    started: float
    sample: AuditRecord
    reported: int = 0
    suppressed: int = 0


class DenialLimiter:
    """Counts denials by kind: the same method, caller and status. Pure: time is passed in."""

    def __init__(self, policy: DenialPolicy) -> None:
        self._policy = policy
        # By the start of the window, the oldest first.
        self._windows: dict[tuple[str, str, str], _Window] = {}

    def admit(self, record: AuditRecord, now: float) -> AuditRecord | None:
        """The record as it is to be written, None when it is only counted.

        A record says how many of its kind were counted since the one before it.
        """
        kind = (record.method, record.status, record.actor_id or record.peer)
        if kind not in self._windows and len(self._windows) >= self._policy.kinds:
            # An attack from thousands of addresses counts as one kind for each method: memory and log stay bounded.
            kind = (record.method, record.status, "")
        window = self._windows.get(kind)
        if window is None:
            window = self._windows[kind] = _Window(now, record)
        window.sample = record
        if now - window.started >= self._policy.window:
            window.started, window.reported = now, 0
            self._windows[kind] = self._windows.pop(kind)
        if window.reported >= (self._policy.reported if record.actor_id else self._policy.anonymous):
            window.suppressed += 1
            return None
        window.reported += 1
        suppressed, window.suppressed = window.suppressed, 0
        return replace(record, suppressed=suppressed)

    def ended(self, now: float, *, everything: bool = False) -> list[AuditRecord]:
        """Remove the windows that have ended; answer the last denial of each that has counted some without a record."""
        windows = []
        while self._windows:
            kind, window = next(iter(self._windows.items()))
            if not everything and now - window.started < self._policy.window:
                break
            windows.append(self._windows.pop(kind))
        # The sample itself is one of those that were counted.
        return [replace(window.sample, suppressed=window.suppressed - 1) for window in windows if window.suppressed]
