"""Domain values as messages, and requests as domain values."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from forgepoint.experiment.v1 import experiment_pb2 as pb
from fp_kernel import invalid, parse_id
from fp_rpc.pagination import page_response
from fp_rpc.times import from_timestamp, to_timestamp

from fp_experiment.app.history import Comparison, Series, series
from fp_experiment.app.ports import PointRange
from fp_experiment.domain.experiments import Experiment
from fp_experiment.domain.lineage import Edge, Kind, Node, Relation
from fp_experiment.domain.metrics import Point
from fp_experiment.domain.runs import MAX_ARTIFACTS_BYTES, DataInput, NewRun, Run, RunSource, RunStatus

_STATUSES = {status: pb.RunStatus.Value(f"RUN_STATUS_{status}") for status in RunStatus}
_STATUS_OF: Mapping[int, RunStatus] = {number: status for status, number in _STATUSES.items()}
_SOURCES = {source: pb.RunSource.Value(f"RUN_SOURCE_{source}") for source in RunSource}
_KINDS = {kind: pb.LineageKind.Value(f"LINEAGE_KIND_{kind}") for kind in Kind}
_RELATIONS = {relation: pb.LineageRelation.Value(f"LINEAGE_RELATION_{relation}") for relation in Relation}


def experiment_to_pb(experiment: Experiment) -> pb.Experiment:
    return pb.Experiment(
        id=experiment.id,
        name=experiment.described.name,
        description=experiment.described.description,
        tags=experiment.described.tags,
        owner_id=experiment.owner_id,
        team=experiment.team,
        created_at=to_timestamp(experiment.created_at),
        updated_at=to_timestamp(experiment.updated_at),
        archived_at=to_timestamp(experiment.archived_at),
    )


def run_to_pb(run: Run) -> pb.Run:
    message = pb.Run(
        id=run.id,
        experiment_id=run.experiment_id,
        display_name=run.display_name,
        status=_STATUSES[run.status],
        source=_SOURCES[run.source],
        model_version_id=run.model_version_id,
        owner_id=run.owner_id,
        params=[pb.Param(key=key, value=value) for key, value in sorted((run.params or {}).items())],
        final_metrics=[point_to_pb(point) for point in run.final_metrics],
        started_at=to_timestamp(run.started_at),
        ended_at=to_timestamp(run.ended_at),
        inputs=[
            pb.DataInput(view=read.view, as_of=to_timestamp(read.as_of), known_as_of=to_timestamp(read.known_as_of))
            for read in run.inputs
        ],
        execution_id=run.execution_id,
    )
    if run.artifacts:
        message.artifacts.ParseFromString(run.artifacts)
    return message


def point_to_pb(point: Point) -> pb.MetricPoint:
    return pb.MetricPoint(key=point.key, value=point.value, step=point.step, timestamp=to_timestamp(point.at))


def series_to_pb(points: Series) -> pb.MetricSeries:
    return pb.MetricSeries(key=points[0].key, points=[point_to_pb(point) for point in points])


def history_to_pb(points: Sequence[Point], next_token: str) -> pb.GetMetricHistoryResponse:
    return pb.GetMetricHistoryResponse(
        series=[series_to_pb(each) for each in series(points)], pagination=page_response(next_token)
    )


def comparison_to_pb(comparison: Comparison) -> pb.RunComparison:
    return pb.RunComparison(
        run=run_to_pb(comparison.run), series=[series_to_pb(each) for each in comparison.series if each]
    )


def node_to_pb(node: Node) -> pb.LineageNode:
    return pb.LineageNode(
        kind=_KINDS[node.ref.kind], id=node.ref.id, facts=node.facts, first_seen_at=to_timestamp(node.first_seen_at)
    )


def edge_to_pb(edge: Edge) -> pb.LineageEdge:
    return pb.LineageEdge(
        from_kind=_KINDS[edge.source.kind],
        from_id=edge.source.id,
        to_kind=_KINDS[edge.target.kind],
        to_id=edge.target.id,
        relation=_RELATIONS[edge.relation],
        event_id=edge.event_id,
        occurred_at=to_timestamp(edge.at),
    )


def new_run(request: pb.StartRunRequest, execution_id: str) -> NewRun:
    """Raises InvalidArgument; the domain checks the rest."""
    return NewRun(
        experiment_id=parse_id(request.experiment_id, "experiment_id"),
        display_name=request.display_name,
        model_version_id=request.model_version_id,
        params=params_of(request.params),
        inputs=[
            DataInput(
                read.view,
                _moment(read, "as_of", f"inputs[{index}].as_of"),
                _moment(read, "known_as_of", f"inputs[{index}].known_as_of"),
            )
            for index, read in enumerate(request.inputs)
        ],
        execution_id=execution_id,
    )


def params_of(params: Iterable[pb.Param]) -> list[tuple[str, str]]:
    return [(param.key, param.value) for param in params]


def points_of(points: Iterable[pb.MetricPoint], now: datetime) -> list[Point]:
    """Stamped on arrival: what the caller says of time is not read."""
    return [Point(point.key, point.value, point.step, now) for point in points]


def range_of(request: pb.GetMetricHistoryRequest) -> PointRange:
    """Raises InvalidArgument naming `run_id`."""
    run_id = parse_id(request.run_id, "run_id")
    return PointRange(run_id, tuple(request.metric_keys), request.min_step, request.max_step)


def status_of(number: int, field: str) -> RunStatus:
    """Raises InvalidArgument naming `field`."""
    status = _STATUS_OF.get(number)
    if status is None:
        raise invalid(field, f"must be one of {', '.join(RunStatus)}")
    return status


def status_filter(number: int) -> RunStatus | None:
    """None for any. Raises InvalidArgument naming `status_filter`."""
    return None if number == pb.RUN_STATUS_UNSPECIFIED else status_of(number, "status_filter")


def artifacts_of(request: pb.SetRunArtifactsRequest) -> bytes:
    """Raises InvalidArgument naming `artifacts`."""
    if request.artifacts.ByteSize() > MAX_ARTIFACTS_BYTES:
        raise invalid("artifacts", f"at most {MAX_ARTIFACTS_BYTES} bytes")
    return request.artifacts.SerializeToString(deterministic=True)


def _moment(read: pb.DataInput, name: str, field: str) -> datetime | None:
    if not read.HasField(name):  # type: ignore[arg-type]
        return None
    return from_timestamp(getattr(read, name), field)
