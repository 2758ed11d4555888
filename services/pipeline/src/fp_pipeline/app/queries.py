"""Reads of one team's pipelines and executions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from fp_kernel import Clock, NotFound, Page, PageRequest, next_token, page_request, page_request_by_id

from fp_pipeline.app.ports import Deployments, PromotionReads, Reads, Statistics
from fp_pipeline.domain.definition import Pipeline, PipelineType
from fp_pipeline.domain.deployment import Deployment
from fp_pipeline.domain.execution import Execution, ExecutionStatus
from fp_pipeline.domain.promotion import Promotion
from fp_pipeline.domain.statistics import Counts

Item = TypeVar("Item")


class Queries:
    """`size` and `token` are those of the request; a token belongs to one team and one filter."""

    def __init__(
        self,
        reads: Reads,
        deployments: Deployments,
        promotions: PromotionReads,
        statistics: Statistics,
        clock: Clock,
    ) -> None:
        self._reads = reads
        self._deployments = deployments
        self._promotions = promotions
        self._statistics = statistics
        self._clock = clock

    async def pipeline(self, team: str, pipeline_id: str) -> Pipeline:
        """Raises NotFound."""
        found = await self._reads.pipeline(team, pipeline_id)
        if found is None:
            raise NotFound(f"no pipeline {pipeline_id}")
        return found

    async def pipeline_named(self, team: str, name: str) -> Pipeline:
        """Raises NotFound."""
        found = await self._reads.pipeline_named(team, name)
        if found is None:
            raise NotFound("no pipeline of this name")
        return found

    async def execution(self, team: str, execution_id: str) -> Execution:
        """Raises NotFound."""
        found = await self._reads.execution(team, execution_id)
        if found is None:
            raise NotFound(f"no execution {execution_id}")
        return found

    async def pipelines(self, team: str, kind: PipelineType | None, size: int, token: str) -> Page[Pipeline]:
        scope = (team, "pipelines", kind or "")
        page = page_request_by_id(size, token, scope=scope)
        found = await self._reads.pipelines(team, kind, _one_more(page))
        return _page(found, page.size, scope, lambda each: each.id)

    async def executions(
        self, team: str, pipeline_id: str, status: ExecutionStatus | None, size: int, token: str
    ) -> Page[Execution]:
        """Newest first, without their steps."""
        scope = (team, "executions", pipeline_id, status or "")
        page = page_request_by_id(size, token, scope=scope)
        found = await self._reads.executions(team, pipeline_id, status, _one_more(page))
        return _page(found, page.size, scope, lambda each: each.id)

    async def statistics_of(self, team: str, model_name: str, last: timedelta) -> Mapping[str, Counts]:
        """By version; nothing for a model that nobody asked."""
        return await self._statistics.since(team, model_name, self._clock.now() - last)

    async def promotion(self, team: str, model_name: str) -> Promotion:
        """The newest of the model. Raises NotFound."""
        found = await self._promotions.find(team, model_name)
        if found is None:
            raise NotFound(f"no promotion of a model '{model_name}'")
        return found

    async def deployments_of(self, team: str, model_name: str) -> Page[Deployment]:
        """The live ones of one model: versions beside each other, few enough for one page."""
        return Page(tuple(await self._deployments.live(team, model_name)), "")

    async def deployments(self, size: int, token: str) -> Page[Deployment]:
        """Live deployments of every team, for whoever routes."""
        scope = ("*", "deployments")
        page = page_request(size, token, scope=scope)
        found = await self._deployments.page(_one_more(page))
        return _page(found, page.size, scope, lambda each: each.runtime)


def _one_more(page: PageRequest) -> PageRequest:
    """A row beyond the page says whether another page follows."""
    return replace(page, size=page.size + 1)


def _page(found: Sequence[Item], size: int, scope: Sequence[str], key: Callable[[Item], str]) -> Page[Item]:
    items = tuple(found[:size])
    return Page(items, next_token((key(items[-1]),), scope=scope) if len(found) > size else "")
