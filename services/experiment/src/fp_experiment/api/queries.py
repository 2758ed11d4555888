"""The RPCs that read."""

from forgepoint.experiment.v1 import experiment_pb2 as pb
from forgepoint.experiment.v1.experiment_pb2_grpc import ExperimentTrackerServiceServicer
from fp_kernel import parse_id
from fp_rpc import caller, current_call
from fp_rpc.pagination import page_response

from fp_experiment.api import convert
from fp_experiment.app.history import History
from fp_experiment.app.queries import Queries


class QueryServicer(ExperimentTrackerServiceServicer):
    def __init__(self, queries: Queries, history: History) -> None:
        self._queries = queries
        self._history = history

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
            return convert.history_to_pb(await self._history.thinned(team, wanted, request.max_points), "")
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
