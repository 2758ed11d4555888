"""What breaks from one hour to the next: values that are missing, categories that nobody knew, numbers out of range.

A window asks whether weeks differ by more than chance between its blocks, and takes a break inside of it for such a
chance. Here the newest block alone is compared with the training data, in cells that the training hardly filled: there
a cold spell puts nothing, and a join that broke puts everything.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from fp_monitor.domain.arrays import Integers, np
from fp_monitor.domain.baseline import CategoryCells, Distribution
from fp_monitor.domain.counts import Layout
from fp_monitor.domain.metric import Method, Metric, Severity
from fp_monitor.domain.window import Period

# A block closes with so many predictions, or after so long with enough of them for a judgement.
BLOCK = 256
FEWEST = 64
LONGEST = timedelta(minutes=5)
# One false block in a thousand, over all signs together, if predictions were independent; two in a row raise an alarm.
ALPHA = 0.001
# What the share must have gained. A source of some among many that is away for a while is no broken feature.
WARN, CRITICAL = 0.2, 0.5
# An outermost bin that the training filled more than this says where values usually are, and not where they end.
RARE = 0.01
RAISE_AFTER = 2
CLEAR_AFTER = 2


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that can break. cells: places in the layout. share, trained: of the training data, and its size."""

    name: str
    cells: tuple[int, ...]
    share: float
    trained: int


@dataclass(frozen=True, slots=True)
class Block:
    """The newest predictions. counts: one a cell."""

    opened_at: datetime
    period: Period
    samples: int
    counts: Integers

    def is_over(self, now: datetime) -> bool:
        return self.samples >= BLOCK or (self.samples >= FEWEST and now - self.opened_at >= LONGEST)

    def with_(self, rows: Integers, times: Sequence[datetime]) -> "Block":
        """rows: [event, distribution], the cells of the events; times: of the events."""
        counts = self.counts + np.bincount(rows.reshape(-1), minlength=len(self.counts))
        return replace(self, period=self.period.with_(times), samples=self.samples + len(rows), counts=counts)


@dataclass(frozen=True, slots=True)
class Signs:
    """bad: blocks in a row in which a sign was bad. raised: signs of which an alarm was raised, and how bad.

    good: of those, blocks in a row without it.
    """

    bad: Mapping[str, int] = field(default_factory=dict)
    raised: Mapping[str, Severity] = field(default_factory=dict)
    good: Mapping[str, int] = field(default_factory=dict)

    @property
    def severity(self) -> Severity:
        return max(self.raised.values(), default=Severity.OK)


def signs(layout: Layout) -> tuple[Sign, ...]:
    """`<feature>:missing`, `<feature>:unseen` of categories, `<feature>:out_of_range` of numbers."""
    return tuple(
        sign
        for offset, each in zip(layout.offsets, layout.distributions, strict=True)
        if not each.is_empty
        for sign in _signs(offset, each)
    )


def _signs(offset: int, distribution: Distribution) -> list[Sign]:
    counts, cells = distribution.counts, len(distribution.cells)
    trained = sum(counts)

    def sign(kind: str, *places: int) -> Sign:
        share = sum(counts[place] for place in places) / trained
        return Sign(f"{distribution.name}:{kind}", tuple(offset + place for place in places), share, trained)

    found = [sign("missing", cells - 1)]
    if isinstance(distribution.cells, CategoryCells):
        return [*found, sign("unseen", cells - 2)]
    outermost = [place for place in (0, cells - 2) if counts[place] <= RARE * trained]
    return [*found, sign("out_of_range", *outermost)] if outermost and cells > 2 else found  # noqa: PLR2004 -- an edge


def judge(known: Sequence[Sign], block: Block) -> tuple[Metric, ...]:
    """score: what the share of a sign has gained. p_value: times the number of signs (Bonferroni)."""
    return tuple(_judged(sign, block, len(known)) for sign in known)


def _judged(sign: Sign, block: Block, number: int) -> Metric:
    hits = int(block.counts[list(sign.cells)].sum())
    share = hits / block.samples
    gained = share - sign.share
    if gained < WARN:
        return Metric(sign.name, Method.UNSPECIFIED, gained, sign.share, share)
    # What the training had none of may still be there, once in so many.
    expected = (sign.share * sign.trained + 1) / (sign.trained + 2)
    p_value = min(1.0, number * binomial_tail(hits, block.samples, expected))
    severity = Severity.OK
    if p_value < ALPHA:
        severity = Severity.CRITICAL if gained >= CRITICAL else Severity.WARNING
    return Metric(sign.name, Method.UNSPECIFIED, gained, sign.share, share, severity, p_value)


def binomial_tail(hits: int, number: int, share: float) -> float:
    """Chance of so many hits or more; share: more than 0 and less than 1."""
    yes, no = math.log(share), math.log1p(-share)
    ways = math.lgamma(number + 1)
    return min(
        1.0,
        math.fsum(
            math.exp(ways - math.lgamma(k + 1) - math.lgamma(number - k + 1) + k * yes + (number - k) * no)
            for k in range(hits, number + 1)
        ),
    )


def step(before: Signs, metrics: Sequence[Metric]) -> tuple[Signs, Severity]:
    """The signs after a block, and how bad the alarm is that it raises: OK for none.

    An alarm is raised once: by the second block in a row that says so, and again when it gets worse.
    """
    found = {each.name: each.severity for each in metrics if each.severity is not Severity.OK}
    bad = {name: before.bad.get(name, 0) + 1 for name in found}
    good = {name: before.good.get(name, 0) + 1 for name in before.raised if name not in found}
    standing = {name: severity for name, severity in before.raised.items() if good.get(name, 0) < CLEAR_AFTER}
    raised = {
        name: severity
        for name, severity in found.items()
        if bad[name] >= RAISE_AFTER and severity > standing.get(name, Severity.OK)
    }
    still_good = {name: blocks for name, blocks in good.items() if name in standing}
    return Signs(bad, {**standing, **raised}, still_good), max(raised.values(), default=Severity.OK)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A block that raised one. metrics: of the signs that were bad in it."""

    block: Block
    severity: Severity
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, slots=True)
class Followed:
    """block: the open one. judged: how many were filled."""

    block: Block | None
    signs: Signs
    alarms: tuple[Alarm, ...] = ()
    judged: int = 0


def follow(cells: Layout, present: Followed, rows: Integers, times: Sequence[datetime], now: datetime) -> Followed:
    """What is after these events; rows, times: see `Block.with_`."""
    known, block, after = signs(cells), present.block, present.signs
    alarms: list[Alarm] = []
    judged = done = 0
    while done < len(rows):
        if block is None or len(block.counts) != cells.cells:
            at = times[done]
            block = Block(now, Period(at, at), 0, np.zeros(cells.cells, dtype=np.int64))
        taken = max(1, BLOCK - block.samples)
        block = block.with_(rows[done : done + taken], times[done : done + taken])
        done += taken
        if not block.is_over(now):
            break
        metrics = judge(known, block)
        after, raised = step(after, metrics)
        judged += 1
        if raised is not Severity.OK:
            alarms.append(Alarm(block, raised, tuple(each for each in metrics if each.severity is not Severity.OK)))
        block = None
    return Followed(block, after, tuple(alarms), judged)
