"""Promotions in memory."""

from collections.abc import Sequence
from datetime import datetime

from fp_pipeline.domain.promotion import Promotion, PromotionState
from pipeline_fakes.state import MemoryState

_UNENDED = frozenset({PromotionState.WATCHED, PromotionState.ROLLING_BACK})


class MemoryPromotions:
    def __init__(self, state: MemoryState) -> None:
        self._state = state

    async def watch(self, promotion: Promotion) -> None:
        self._state.promotions[promotion.team, promotion.model_name] = promotion

    async def find(self, team: str, model_name: str) -> Promotion | None:
        return self._state.promotions.get((team, model_name))

    async def lock(self, team: str, model_name: str) -> Promotion | None:
        return await self.find(team, model_name)

    async def change(self, promotion: Promotion) -> None:
        self._state.promotions[promotion.team, promotion.model_name] = promotion

    async def claim_turn(self, promotion: Promotion) -> str:
        return self._state.turns.setdefault((promotion.team, promotion.model_name), promotion.execution_id)

    async def unended(self, after: datetime, limit: int) -> Sequence[Promotion]:
        found = [
            each for each in self._state.promotions.values() if each.state in _UNENDED and each.promoted_at > after
        ]
        return sorted(found, key=lambda each: each.promoted_at)[:limit]
