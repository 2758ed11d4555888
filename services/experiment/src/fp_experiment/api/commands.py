"""The RPCs that change something."""

from forgepoint.experiment.v1 import experiment_pb2 as pb
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceServicer
from fp_kernel import parse_id
from fp_rpc import caller, command

from fp_experiment.api import convert
from fp_experiment.app.ports import LoggedPoints
from fp_experiment.app.use_cases import UseCases
from fp_experiment.domain.experiments import Described, Experiment
from fp_experiment.domain.metrics import check_points
from fp_experiment.domain.runs import Run


class CommandServicer(ExperimentTrackerServiceServicer):
    def __init__(self, use_cases: UseCases) -> None:
        self._do = use_cases

    async def CreateExperiment(
        self, request: pb.CreateExperimentRequest, context: object
    ) -> pb.CreateExperimentResponse:
        described = Described(request.name, request.description, dict(request.tags))
        return _created(await self._do.create_experiment(described, caller(), command(request, _created)))

    async def UpdateExperiment(
        self, request: pb.UpdateExperimentRequest, context: object
    ) -> pb.UpdateExperimentResponse:
        experiment_id = parse_id(request.id, "id")
        described, fields = Described(request.name, request.description, dict(request.tags)), request.update_fields
        do, update = self._do.update_experiment, command(request, _updated)
        return _updated(await do(experiment_id, described, frozenset(fields), caller(), update))

    async def ArchiveExperiment(
        self, request: pb.ArchiveExperimentRequest, context: object
    ) -> pb.ArchiveExperimentResponse:
        experiment_id = parse_id(request.id, "id")
        return _archived(await self._do.archive_experiment(experiment_id, caller(), command(request, _archived)))

    async def StartRun(self, request: pb.StartRunRequest, context: object) -> pb.StartRunResponse:
        by = caller()
        new = convert.new_run(request, by.execution_id)
        return _started(await self._do.start_run(new, by, command(request, _started)))

    async def UpdateRunStatus(self, request: pb.UpdateRunStatusRequest, context: object) -> pb.UpdateRunStatusResponse:
        run_id, status = parse_id(request.run_id, "run_id"), convert.status_of(request.status, "status")
        return _ended(await self._do.update_run_status(run_id, status, caller(), command(request, _ended)))

    async def DeleteRun(self, request: pb.DeleteRunRequest, context: object) -> pb.DeleteRunResponse:
        run_id = parse_id(request.run_id, "run_id")
        await self._do.delete_run(run_id, caller(), command(request, _deleted))
        return _deleted(None)

    async def SetRunArtifacts(self, request: pb.SetRunArtifactsRequest, context: object) -> pb.SetRunArtifactsResponse:
        run_id, artifacts = parse_id(request.run_id, "run_id"), convert.artifacts_of(request)
        return _recorded(await self._do.set_run_artifacts(run_id, artifacts, caller(), command(request, _recorded)))

    async def LogParams(self, request: pb.LogParamsRequest, context: object) -> pb.LogParamsResponse:
        run_id, params = parse_id(request.run_id, "run_id"), convert.params_of(request.params)
        return _params(await self._do.log_params(run_id, params, caller(), command(request, _params)))

    async def LogMetrics(self, request: pb.LogMetricsRequest, context: object) -> pb.LogMetricsResponse:
        """Answers once the points are committed."""
        run_id, team = parse_id(request.run_id, "run_id"), caller().team
        points = convert.points_of(request.points, self._do.clock.now())
        check_points(points)
        accepted = await self._do.ingest.now_or_never(LoggedPoints(team, run_id, points, command(request, _points)))
        return _points(accepted)


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
