"""Reads of one team's monitors and reports."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from fp_kernel import Page, PageRequest, invalid, next_token, page_request, page_request_by_id

from fp_monitor.app.ports import MonitorOverview, Reads, ReportFilter
from fp_monitor.app.refusals import no_monitor, no_report
from fp_monitor.domain.gap import Gap
from fp_monitor.domain.metric import MonitorState, Severity
from fp_monitor.domain.report import Report

Item = TypeVar("Item")
_GAPS = 20


class Queries:
    """`size` and `token` are those of the request; a token belongs to one team and one filter."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def monitor(self, team: str, model_name: str) -> MonitorOverview:
        """Raises NotFound."""
        found = await self._reads.overview(team, model_name)
        if found is None:
            raise no_monitor(model_name)
        return found

    async def gaps(self, since: datetime) -> Sequence[Gap]:
        """The newest that were noticed since then."""
        return await self._reads.gaps(since, _GAPS)

    async def monitors(
        self, team: str, min_severity: Severity, state: MonitorState | None, size: int, token: str
    ) -> Page[MonitorOverview]:
        scope = (team, "monitors", str(int(min_severity)), state or "")
        page = _single(page_request(size, token, scope=scope))
        found = await self._reads.overviews(team, min_severity, state, _one_more(page))
        return _page(found, page.size, scope, lambda each: each.monitor.config.model_name)

    async def report(self, team: str, report_id: str) -> Report:
        """Raises NotFound."""
        found = await self._reads.report(team, report_id)
        if found is None:
            raise no_report(report_id)
        return found

    async def reports(self, chosen: ReportFilter, size: int, token: str) -> Page[Report]:
        limits = [moment.isoformat() if moment else "" for moment in (chosen.since, chosen.until)]
        scope = (chosen.team, "reports", chosen.model_name, str(int(chosen.min_severity)), *limits)
        page = page_request_by_id(size, token, scope=scope)
        found = await self._reads.reports(chosen, _one_more(page))
        return _page(found, page.size, scope, lambda each: each.id)


def _single(page: PageRequest) -> PageRequest:
    """Tokens are not signed: a position of another shape is refused here and not by the store."""
    if page.after is not None and len(page.after) != 1:
        raise invalid("pagination.page_token", "is not a token of this list")
    return page


def _one_more(page: PageRequest) -> PageRequest:
    """A row beyond the page says whether another page follows."""
    return replace(page, size=page.size + 1)


def _page(found: Sequence[Item], size: int, scope: Sequence[str], key: Callable[[Item], str]) -> Page[Item]:
    items = tuple(found[:size])
    return Page(items, next_token((key(items[-1]),), scope=scope) if len(found) > size else "")
