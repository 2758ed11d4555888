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

    async def unended(self, after: Promotion | None, limit: int) -> Sequence[Promotion]:
        found = [each for each in self._state.promotions.values() if each.state in _UNENDED]
        later = [each for each in found if after is None or _order(each) > _order(after)]
        return sorted(later, key=_order)[:limit]


def _order(promotion: Promotion) -> tuple[datetime, str, str]:
    return promotion.promoted_at, *promotion.place
