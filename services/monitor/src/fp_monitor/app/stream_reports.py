"""Someone watches reports being made, in whichever replica."""

from collections.abc import AsyncIterator

from fp_monitor.app.ports import Reads, ReportFilter, Signals
from fp_monitor.app.refusals import no_monitor
from fp_monitor.domain.report import Report


class StreamReports:
    """Reports of a team are numbered in the order of their commits: none is missed or sent twice."""

    def __init__(self, reads: Reads, signals: Signals, *, poll: float) -> None:
        """poll: seconds after which to look without a signal."""
        self._reads = reads
        self._signals = signals
        self._poll = poll

    async def __call__(self, chosen: ReportFilter) -> AsyncIterator[Report]:
        """Those made from now on. model_name: empty for every model of the team. Raises NotFound."""
        with self._signals.subscribe(chosen.team) as subscription:
            position = await self._reads.position(chosen.team)
            if chosen.model_name and not await self._reads.watched(chosen.team, chosen.model_name):
                raise no_monitor(chosen.model_name)
            while True:
                found = await self._reads.following(chosen.team, position)
                for each in found:
                    position, report = each.position, each.report
                    if report.model_name == (chosen.model_name or report.model_name) and (
                        report.severity >= chosen.min_severity
                    ):
                        yield report
                if not found:
                    await subscription.wait(self._poll)
