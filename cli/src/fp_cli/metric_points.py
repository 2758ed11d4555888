"""The points of a run's metrics."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from forgepoint.common.v1 import common_pb2
from forgepoint.experiment.v1 import experiment_pb2 as pb
from forgepoint.experiment.v1 import experiment_pb2_grpc

from fp_cli import csv_files
from fp_cli.client import Client

_PAGE: Final = 5_000
# As many metrics may be thinned in one call, to no fewer points than the two ends.
_KEYS: Final = 20
_ENDS: Final = 2


def of_run(client: Client, run_id: str, keys: Sequence[str], most: int) -> Iterator[pb.MetricPoint]:
    """most: of each metric, thinned; 0 is every point, page by page."""
    stub = experiment_pb2_grpc.ExperimentTrackerServiceStub(client.channel)
    if not most:
        yield from _pages(client, stub, pb.GetMetricHistoryRequest(run_id=run_id, metric_keys=keys))
        return
    if not keys:
        run = client.call(stub.GetRun, pb.GetRunRequest(id=run_id)).run
        keys = [point.key for point in run.final_metrics]
    for start in range(0, len(keys), _KEYS):
        request = pb.GetMetricHistoryRequest(
            run_id=run_id, metric_keys=keys[start : start + _KEYS], max_points=max(most, _ENDS)
        )
        yield from _points(client.call(stub.GetMetricHistory, request))


def _pages(client: Client, stub: Any, request: pb.GetMetricHistoryRequest) -> Iterator[pb.MetricPoint]:
    token = ""
    while True:
        request.pagination.CopyFrom(common_pb2.PaginationRequest(page_size=_PAGE, page_token=token))
        response = client.call(stub.GetMetricHistory, request)
        yield from _points(response)
        token = response.pagination.next_page_token
        if not token:
            return


def _points(response: pb.GetMetricHistoryResponse) -> Iterator[pb.MetricPoint]:
    for series in response.series:
        yield from series.points


def write_csv(points: Sequence[Mapping[str, Any]], file: Path) -> None:
    with csv_files.writing(file) as content:
        csv_files.line(content, ("key", "step", "value", "timestamp"))
        for point in points:
            csv_files.line(content, [str(point.get(name, "")) for name in ("key", "step", "value", "timestamp")])
