"""forgepoint.experiment.v1.ExperimentTrackerService."""

from forgepoint.experiment.v1 import experiment_pb2 as pb
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceServicer
from fp_kernel import Clock, parse_id
from fp_rpc import caller, command, current_call
from fp_rpc.pagination import page_response

from fp_experiment.api import convert
from fp_experiment.app.archive_experiment import ArchiveExperiment
from fp_experiment.app.create_experiment import CreateExperiment
from fp_experiment.app.delete_run import DeleteRun
from fp_experiment.app.history import History
from fp_experiment.app.ingest import Ingest
from fp_experiment.app.log_params import LogParams
from fp_experiment.app.ports import LoggedPoints
from fp_experiment.app.queries import Queries
from fp_experiment.app.set_run_artifacts import SetRunArtifacts
from fp_experiment.app.start_run import StartRun
from fp_experiment.app.update_experiment import UpdateExperiment
from fp_experiment.app.update_run_status import UpdateRunStatus
from fp_experiment.domain.experiments import Described, Experiment
from fp_experiment.domain.metrics import check_points
from fp_experiment.domain.runs import Run


class ExperimentServicer(ExperimentTrackerServiceServicer):
    def __init__(
        self,
        *,
        create_experiment: CreateExperiment,
        update_experiment: UpdateExperiment,
        archive_experiment: ArchiveExperiment,
        start_run: StartRun,
        update_run_status: UpdateRunStatus,
        delete_run: DeleteRun,
        set_run_artifacts: SetRunArtifacts,
        log_params: LogParams,
        ingest: Ingest,
        queries: Queries,
        history: History,
        clock: Clock,
    ) -> None:
        self._create_experiment = create_experiment
        self._update_experiment = update_experiment
        self._archive_experiment = archive_experiment
        self._start_run = start_run
        self._update_run_status = update_run_status
        self._delete_run = delete_run
        self._set_run_artifacts = set_run_artifacts
        self._log_params = log_params
        self._ingest = ingest
        self._queries = queries
        self._history = history
        self._clock = clock

    async def CreateExperiment(
        self, request: pb.CreateExperimentRequest, context: object
    ) -> pb.CreateExperimentResponse:
        described = Described(request.name, request.description, dict(request.tags))
        return _created(await self._create_experiment(described, caller(), command(request, _created)))

    async def UpdateExperiment(
        self, request: pb.UpdateExperimentRequest, context: object
    ) -> pb.UpdateExperimentResponse:
        experiment_id = parse_id(request.id, "id")
        described, fields = Described(request.name, request.description, dict(request.tags)), request.update_fields
        do, update = self._update_experiment, command(request, _updated)
        return _updated(await do(experiment_id, described, frozenset(fields), caller(), update))

    async def ArchiveExperiment(
        self, request: pb.ArchiveExperimentRequest, context: object
    ) -> pb.ArchiveExperimentResponse:
        experiment_id = parse_id(request.id, "id")
        return _archived(await self._archive_experiment(experiment_id, caller(), command(request, _archived)))

    async def StartRun(self, request: pb.StartRunRequest, context: object) -> pb.StartRunResponse:
        by = caller()
        new = convert.new_run(request, by.execution_id)
        return _started(await self._start_run(new, by, command(request, _started)))

    async def UpdateRunStatus(self, request: pb.UpdateRunStatusRequest, context: object) -> pb.UpdateRunStatusResponse:
        run_id, status = parse_id(request.run_id, "run_id"), convert.status_of(request.status, "status")
        return _ended(await self._update_run_status(run_id, status, caller(), command(request, _ended)))

    async def DeleteRun(self, request: pb.DeleteRunRequest, context: object) -> pb.DeleteRunResponse:
        run_id = parse_id(request.run_id, "run_id")
        await self._delete_run(run_id, caller(), command(request, _deleted))
        return _deleted(None)

    async def SetRunArtifacts(self, request: pb.SetRunArtifactsRequest, context: object) -> pb.SetRunArtifactsResponse:
        run_id, artifacts = parse_id(request.run_id, "run_id"), convert.artifacts_of(request)
        return _recorded(await self._set_run_artifacts(run_id, artifacts, caller(), command(request, _recorded)))

    async def LogParams(self, request: pb.LogParamsRequest, context: object) -> pb.LogParamsResponse:
        run_id, params = parse_id(request.run_id, "run_id"), convert.params_of(request.params)
        return _params(await self._log_params(run_id, params, caller(), command(request, _params)))

    async def LogMetrics(self, request: pb.LogMetricsRequest, context: object) -> pb.LogMetricsResponse:
        """Answers once the points are committed."""
        run_id, by = parse_id(request.run_id, "run_id"), caller()
        points = convert.points_of(request.points, self._clock.now())
        check_points(points)
        logged = LoggedPoints(by.team, run_id, points, command(request, _points), by.execution_id)
        accepted = await self._ingest.now_or_never(logged)
        return _points(accepted)

    async def GetExperiment(self, request: pb.GetExperimentRequest, context: object) -> pb.GetExperimentResponse:
        found = await self._queries.experiment(caller().team, parse_id(request.id, "id"))
        return pb.GetExperimentResponse(experiment=convert.experiment_to_pb(found))

    async def ListExperiments(self, request: pb.ListExperimentsRequest, context: object) -> pb.ListExperimentsResponse:
        caller()
        page = await self._queries.experiments(
            current_call().team_scope(request.team_filter),
            archived=request.include_archived,
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
            name=request.name,
        )
        return pb.ListExperimentsResponse(
            experiments=[convert.experiment_to_pb(each) for each in page.items],
            pagination=page_response(page.next_token),
        )

    async def GetRun(self, request: pb.GetRunRequest, context: object) -> pb.GetRunResponse:
        found = await self._queries.run(caller().team, parse_id(request.id, "id"))
        return pb.GetRunResponse(run=convert.run_to_pb(found))

    async def ListRuns(self, request: pb.ListRunsRequest, context: object) -> pb.ListRunsResponse:
        experiment_id = parse_id(request.experiment_id, "experiment_id") if request.experiment_id else ""
        page = await self._queries.runs(
            caller().team,
            experiment_id,
            convert.status_filter(request.status_filter),
            matching=request.filter,
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
        )
        return pb.ListRunsResponse(
            runs=[convert.run_to_pb(run) for run in page.items], pagination=page_response(page.next_token)
        )

    async def GetMetricHistory(
        self, request: pb.GetMetricHistoryRequest, context: object
    ) -> pb.GetMetricHistoryResponse:
        wanted, team = convert.range_of(request), caller().team
        if request.max_points:
            return convert.history_to_pb(await self._history.downsampled(team, wanted, request.max_points), "")
        page = await self._history.page(
            team, wanted, page_size=request.pagination.page_size, page_token=request.pagination.page_token
        )
        return convert.history_to_pb(page.items, page.next_token)

    async def CompareRuns(self, request: pb.CompareRunsRequest, context: object) -> pb.CompareRunsResponse:
        ids = [parse_id(run_id, f"run_ids[{index}]") for index, run_id in enumerate(request.run_ids)]
        compared = await self._history.compare(caller().team, ids, tuple(request.metric_keys))
        return pb.CompareRunsResponse(comparisons=[convert.comparison_to_pb(each) for each in compared])

    async def GetLineage(self, request: pb.GetLineageRequest, context: object) -> pb.GetLineageResponse:
        found = await self._queries.lineage(caller().team, request.model_name, request.version)
        return pb.GetLineageResponse(
            nodes=[convert.node_to_pb(node) for node in found.nodes],
            edges=[convert.edge_to_pb(edge) for edge in found.edges],
            truncated=found.truncated,
        )


def _created(experiment: Experiment) -> pb.CreateExperimentResponse:
    return pb.CreateExperimentResponse(experiment=convert.experiment_to_pb(experiment))


def _updated(experiment: Experiment) -> pb.UpdateExperimentResponse:
    return pb.UpdateExperimentResponse(experiment=convert.experiment_to_pb(experiment))


def _archived(experiment: Experiment) -> pb.ArchiveExperimentResponse:
    return pb.ArchiveExperimentResponse(experiment=convert.experiment_to_pb(experiment))


def _started(run: Run) -> pb.StartRunResponse:
    return pb.StartRunResponse(run=convert.run_to_pb(run))


def _ended(run: Run) -> pb.UpdateRunStatusResponse:
    return pb.UpdateRunStatusResponse(run=convert.run_to_pb(run))


def _deleted(_nothing: None) -> pb.DeleteRunResponse:
    return pb.DeleteRunResponse()


def _recorded(run: Run) -> pb.SetRunArtifactsResponse:
    return pb.SetRunArtifactsResponse(run=convert.run_to_pb(run))


def _params(accepted: int) -> pb.LogParamsResponse:
    return pb.LogParamsResponse(accepted_count=accepted)


def _points(accepted: int) -> pb.LogMetricsResponse:
    return pb.LogMetricsResponse(accepted_count=accepted)
