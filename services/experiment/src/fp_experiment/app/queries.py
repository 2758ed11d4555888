"""Reads of experiments, runs and lineage."""

from fp_kernel import NotFound, Page, next_token, page_by_id, page_request_by_id
from fp_kernel.texts import check_line

from fp_experiment.app.ports import Reads, RunFilter
from fp_experiment.app.refusals import no_experiment, no_run
from fp_experiment.domain import filters
from fp_experiment.domain.experiments import Experiment
from fp_experiment.domain.lineage import MAX_NODES, Lineage, version_ref
from fp_experiment.domain.runs import Run, RunStatus
from fp_experiment.domain.text import MAX_NAME


class Queries:
    def __init__(self, reads: Reads) -> None:
        self._reads = reads

    async def experiment(self, team: str, experiment_id: str) -> Experiment:
        """Raises NotFound."""
        found = await self._reads.experiment(team, experiment_id)
        if found is None:
            raise no_experiment()
        return found

    async def experiments(
        self, team: str, *, archived: bool, page_size: int, page_token: str, name: str = ""
    ) -> Page[Experiment]:
        """Newest first; of a name the one that has it. Raises InvalidArgument."""
        if name:
            found = await self._reads.experiment_named(team, name)
            return Page((found,) if found and (archived or found.archived_at is None) else (), "")
        scope = ("experiments", team, str(archived))
        request = page_request_by_id(page_size, page_token, scope=scope)
        return page_by_id(await self._reads.experiments(team, request, archived=archived), request, scope=scope)

    async def run(self, team: str, run_id: str) -> Run:
        """Raises NotFound."""
        found = await self._reads.find_runs(team, [run_id], artifacts=True)
        if not found:
            raise no_run()
        return found[0]

    async def runs(
        self,
        team: str,
        experiment_id: str = "",
        status: RunStatus | None = None,
        *,
        matching: str = "",
        page_size: int,
        page_token: str,
    ) -> Page[Run]:
        """Newest first, without artifacts; a page is shorter than asked for when its runs are large.

        matching: see `domain.filters`. Raises InvalidArgument, NotFound for an experiment that is not the team's.
        """
        scope = ("runs", team, experiment_id, status or "", matching)
        request = page_request_by_id(page_size, page_token, scope=scope)
        found = await self._reads.runs(team, RunFilter(experiment_id, status, filters.parse(matching)), request)
        if not found.runs and experiment_id and await self._reads.experiment(team, experiment_id) is None:
            raise no_experiment()
        return Page(tuple(found.runs), next_token((found.runs[-1].id,), scope=scope) if found.more else "")

    async def lineage(self, team: str, model_name: str, version: str) -> Lineage:
        """Raises InvalidArgument, NotFound when no event of the version arrived."""
        check_line(model_name, "model_name", MAX_NAME, required=True)
        check_line(version, "version", MAX_NAME, required=True)
        found = await self._reads.lineage(team, version_ref(model_name, version), MAX_NODES)
        if found is None:
            raise NotFound("no such version", reason="VERSION_NOT_FOUND")
        return found
