"""Reads of metric series."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from fp_kernel import InvalidArgument, Page, PageRequest, invalid, next_token, page_request
from fp_kernel.texts import check_line, is_text

from fp_experiment.app.ports import PointRange, Reads
from fp_experiment.app.refusals import no_run
from fp_experiment.domain import downsampling
from fp_experiment.domain.metrics import MAX_STEP, Point
from fp_experiment.domain.runs import MAX_COMPARED, Run
from fp_experiment.domain.text import MAX_KEY

DEFAULT_POINTS: Final = 1_000
MOST_POINTS: Final = 5_000
MAX_KEYS: Final = 100
MAX_COMPARED_KEYS: Final = 20
_COMPARED_POINTS: Final = 40_000  # of all series together: about two mebibytes of answer
_LONGEST_COMPARED: Final = 1_000
MAX_COMPARED_BYTES: Final = 1024 * 1024  # of parameters and newest metrics; without keys the metrics are there twice

Series = Sequence[Point]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One run beside others. series: by metric."""

    run: Run
    series: Sequence[Series]


class History:
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def page(self, team: str, wanted: PointRange, *, page_size: int, page_token: str) -> Page[Point]:
        """By metric and step. Raises InvalidArgument, NotFound."""
        wanted = await self._checked(team, wanted)
        scope = ("points", team, wanted.run_id, *wanted.keys, str(wanted.first_step), str(wanted.last_step))
        request = page_request(page_size, page_token, scope=scope, default=DEFAULT_POINTS, cap=MOST_POINTS)
        points = await self._reads.points(wanted, _after(request), request.size + 1)
        shown = tuple(points[: request.size])
        more = len(points) > request.size
        return Page(shown, next_token((shown[-1].key, str(shown[-1].step)), scope=scope) if more else "")

    async def downsampled(self, team: str, wanted: PointRange, limit: int) -> Sequence[Point]:
        """Each metric whole, with at most `limit` points. Raises InvalidArgument, NotFound."""
        if not downsampling.MIN_POINTS <= limit <= downsampling.MAX_POINTS:
            raise invalid("max_points", f"must be {downsampling.MIN_POINTS} to {downsampling.MAX_POINTS}")
        wanted = await self._checked(team, wanted)
        if not 0 < len(wanted.keys) <= MAX_COMPARED_KEYS:
            raise invalid("metric_keys", f"1 to {MAX_COMPARED_KEYS} when max_points is set")
        return await self._reads.downsampled(wanted, limit)

    async def compare(self, team: str, run_ids: Sequence[str], keys: Sequence[str]) -> Sequence[Comparison]:
        """In the order of the ids, without artifacts; without keys each metric shows its newest point.

        Raises InvalidArgument, also for runs that are too large together; NotFound naming the run that is not there.
        """
        _check_compared(run_ids)
        _check_keys(keys, MAX_COMPARED_KEYS)
        sizes = await self._reads.run_sizes(team, run_ids)
        for index, run_id in enumerate(run_ids):
            if run_id not in sizes:
                raise no_run(f"run_ids[{index}]")
        size = sum(sizes.values())
        if size > MAX_COMPARED_BYTES:
            message = f"have {size} bytes of parameters and newest metrics together"
            raise invalid("run_ids", f"{message}, at most {MAX_COMPARED_BYTES} are compared")
        found = {run.id: run for run in await self._reads.find_runs(team, run_ids)}
        if not keys:
            return [Comparison(found[run_id], [[point] for point in found[run_id].final_metrics]) for run_id in run_ids]
        limit = min(_LONGEST_COMPARED, _COMPARED_POINTS // (len(run_ids) * len(keys)))
        return [
            Comparison(found[run_id], series(await self._reads.downsampled(PointRange(run_id, keys), limit)))
            for run_id in run_ids
        ]

    async def _checked(self, team: str, wanted: PointRange) -> PointRange:
        """With both bounds 0 read as none."""
        _check_keys(wanted.keys, MAX_KEYS)
        if wanted.first_step == wanted.last_step == 0:
            wanted = replace(wanted, last_step=MAX_STEP)
        if wanted.first_step < 0:
            raise invalid("min_step", "must not be negative")
        if wanted.last_step < wanted.first_step:
            raise invalid("max_step", "must not be less than min_step")
        if not await self._reads.has_run(team, wanted.run_id):
            raise no_run()
        return wanted


def series(points: Sequence[Point]) -> list[Series]:
    """Points that are sorted by metric, one sequence a metric."""
    return [list(members) for _, members in groupby(points, key=lambda point: point.key)]


def _after(request: PageRequest) -> tuple[str, int] | None:
    if request.after is None:
        return None
    try:
        key, step = request.after
        place = key, int(step)
    except ValueError:
        raise _bad_token() from None
    # A token is bound and not signed: the database must not meet what it cannot take.
    if not (is_text(key) and 0 <= place[1] <= MAX_STEP):
        raise _bad_token()
    return place


def _bad_token() -> InvalidArgument:
    return invalid("pagination.page_token", "is not a token of this list")


def _check_compared(run_ids: Sequence[str]) -> None:
    if not 1 <= len(run_ids) <= MAX_COMPARED:
        raise invalid("run_ids", f"1 to {MAX_COMPARED} runs, not {len(run_ids)}")
    for index, run_id in enumerate(run_ids):
        if run_id in run_ids[:index]:
            raise invalid(f"run_ids[{index}]", "is there twice")


def _check_keys(keys: Sequence[str], most: int) -> None:
    if len(keys) > most:
        raise invalid("metric_keys", f"at most {most}")
    for index, key in enumerate(keys):
        check_line(key, f"metric_keys[{index}]", MAX_KEY, required=True)
