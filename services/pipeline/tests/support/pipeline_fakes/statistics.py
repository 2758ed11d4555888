"""Counted requests and answered reports in memory."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from fp_pipeline.domain.statistics import Counts, Gap, Try, bucketed, minute, total
from fp_testkit.memory_transactions import MemoryTransaction
from pipeline_fakes.state import MemoryState


class MemoryStatistics:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def since(self, team: str, model_name: str, moment: datetime) -> Mapping[str, Counts]:
        parts: dict[str, list[Counts]] = {}
        for (owner, model, version, at, outcome, number), count in self._state.requests.items():
            if (owner, model) == (team, model_name) and at >= minute(moment):
                parts.setdefault(version, []).append(Counts({(outcome, number): count}))
        return {version: total(each) for version, each in parts.items()}

    async def newest_gap(self, moment: datetime) -> Gap | None:
        return max((gap for gap in self._state.gaps if gap.until >= moment), key=lambda gap: gap.until, default=None)

    async def forget(self, before: datetime) -> int:
        old = [bucket for bucket in self._state.requests if bucket[3] < before]
        for bucket in old:
            del self._state.requests[bucket]
        gaps = [gap for gap in self._state.gaps if gap.until < before]
        for gap in gaps:
            del self._state.gaps[gap]
        return len(old) + len(gaps)


class MemoryCounting:
    """Inside a transaction."""

    def __init__(self, state: MemoryState, transaction: MemoryTransaction) -> None:
        self._state = state
        self._transaction = transaction

    async def count(self, consumer: str, tries: Sequence[Try]) -> int:
        fresh = await self._transaction.inbox.fresh(consumer, [each.event_id for each in tries])
        new = {(each.event_id, each.part): each for each in tries if each.event_id in fresh}
        for bucket, count in bucketed(new.values()).items():
            self._state.requests[bucket] = self._state.requests.get(bucket, 0) + count
        return len(new)

    async def lost(self, consumer: str, gap: Gap) -> None:
        self._state.gaps[gap] = consumer


class MemoryRetrains:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def claim(self, team: str, report_id: str, execution_id: str) -> bool:
        return self._state.retrains.setdefault((team, report_id), execution_id) == execution_id
