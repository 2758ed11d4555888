"""The prediction log as its users see it, from the event to the export."""

import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from struct import pack
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from forgepoint.common.v1.model_pb2 import TENSOR_TYPE_FLOAT32
from forgepoint.events.v1 import events_pb2
from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from forgepoint.monitor.v1.prediction_log_pb2_grpc import PredictionLogServiceStub
from fp_events import Event
from fp_kernel import Aborted, InvalidArgument, NotFound, PermissionDenied, new_id
from fp_rpc import BearerToken, Channels
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now

MODEL = "delays"


@pytest.fixture
async def log(replica, issuer) -> AsyncIterator[Any]:
    """`log(role="engineer", team="alpha")`: a stub."""
    address = (await replica()).grpc_address
    async with AsyncExitStack() as stack:

        def call(role: str = "engineer", team: str = "alpha") -> Any:
            channels = Channels(BearerToken(getattr(issuer.identity, role)(team)))
            stack.push_async_callback(channels.close)
            return PredictionLogServiceStub(channels.open(address, timeout=PATIENCE))

        yield call


def event(number: int, *, version: str = "1", team: str = "alpha") -> Event:
    now = real_now()
    payload = events_pb2.PredictionsLogged(model_id="m", model_name=MODEL, version=version)
    for place in range(number):
        each = payload.predictions.add(request_id=new_id(now), rows=1)
        each.answered_at.FromDatetime(now + timedelta(milliseconds=place))
        each.latency.FromMilliseconds(3)
        each.inputs.add(
            name="x", type=TENSOR_TYPE_FLOAT32, shape=[1, 2], data=pack("<2f", 40, place), columns=["age", "hour"]
        )
        each.outputs.add(name="p", type=TENSOR_TYPE_FLOAT32, shape=[1], data=pack("<f", 0.25))
    return Event("fp.inference.logged", payload, team, "m", "Logged.", source="inference")


async def start(stub: Any, **changes: Any) -> pb.PredictionLog:
    request = pb.SetPredictionLogRequest(**{"model_name": MODEL, "sample_bps": 10_000} | changes)
    return (await stub.SetPredictionLog(request)).log


async def listed(stub: Any) -> list[pb.PredictionRecord]:
    return list((await stub.ListPredictions(pb.ListPredictionsRequest(model_name=MODEL))).predictions)


async def test_predictions_go_from_the_bus_to_the_list_to_one_and_to_the_export(log, publish, eventually):
    engineer, logged = log(), event(5)
    await start(engineer, masked=["age"])
    await publish(logged)
    found = await eventually(lambda: listed(engineer), lambda records: len(records) == 5)
    sent = list(reversed(logged.payload.predictions))
    assert [each.prediction.request_id for each in found] == [each.request_id for each in sent]
    assert [each.prediction.outputs[0] for each in found] == [each.outputs[0] for each in sent]
    assert [each.prediction.inputs[0].data for each in found] == [pack("<2f", 0, place) for place in (4, 3, 2, 1, 0)]
    assert list(found[0].prediction.masked) == ["age"]
    asked = pb.GetPredictionRequest(model_name=MODEL, request_id=sent[2].request_id)
    assert (await engineer.GetPrediction(asked)).prediction == found[2]
    stored = await engineer.GetPredictionLog(pb.GetPredictionLogRequest(model_name=MODEL))
    assert (stored.predictions, stored.log.retention_days) == (5, 30)
    pieces = [each async for each in engineer.ExportPredictions(pb.ExportPredictionsRequest(model_name=MODEL))]
    assert [each.last for each in pieces] == [True]
    assert pieces[0].predictions == 5
    table: pa.Table = pq.read_table(io.BytesIO(pieces[0].data))
    assert table.column("request_id").to_pylist() == [each.request_id for each in reversed(sent)]
    await engineer.ErasePredictions(
        pb.ErasePredictionsRequest(model_name=MODEL, request_ids=[sent[2].request_id], idempotency_key=new_id())
    )
    assert len(await listed(engineer)) == 4
    about = pb.LoggedEntity(name="hour", value="1")
    both = pb.ErasePredictionsRequest(model_name=MODEL, request_ids=["r"], entity=about)
    with pytest.raises(InvalidArgument, match="entity"):
        await engineer.ErasePredictions(both)
    await engineer.ErasePredictions(pb.ErasePredictionsRequest(model_name=MODEL, entity=about))
    assert len(await listed(engineer)) == 3
    with pytest.raises(Aborted):
        await engineer.DeletePredictionLog(pb.DeletePredictionLogRequest(model_name=MODEL, expected_revision=7))
    await engineer.DeletePredictionLog(pb.DeletePredictionLogRequest(model_name=MODEL))
    assert await listed(engineer) == []


async def test_viewers_read_policies_and_no_prediction_and_another_team_nothing(log):
    await start(log())
    viewer, other = log("viewer"), log(team="beta")
    logs = (await viewer.ListPredictionLogs(pb.ListPredictionLogsRequest())).logs
    assert [each.model_name for each in logs] == [MODEL]
    for call, request in (
        (viewer.ListPredictions, pb.ListPredictionsRequest(model_name=MODEL)),
        (viewer.GetPrediction, pb.GetPredictionRequest(model_name=MODEL, request_id="r")),
        (viewer.SetPredictionLog, pb.SetPredictionLogRequest(model_name=MODEL)),
        (log().ListLoggedModels, pb.ListLoggedModelsRequest()),
    ):
        with pytest.raises(PermissionDenied):
            await call(request)
    with pytest.raises(PermissionDenied):
        _ = [each async for each in viewer.ExportPredictions(pb.ExportPredictionsRequest(model_name=MODEL))]
    assert list((await other.ListPredictionLogs(pb.ListPredictionLogsRequest())).logs) == []
    with pytest.raises(NotFound):
        await other.GetPredictionLog(pb.GetPredictionLogRequest(model_name=MODEL))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("model_name", {"model_name": ""}),
        ("sample_bps", {"sample_bps": 10_001}),
        ("sample_bps", {"sample_bps": -1}),
        ("masked", {"masked": ["a"] * 257}),
        ("masked[1]", {"masked": ["a", ""]}),
        ("retention_days", {"retention_days": 3_651}),
        ("expected_revision", {"expected_revision": -1}),
    ],
)
async def test_a_policy_that_cannot_be_is_refused_by_its_field(log, field, changes):
    with pytest.raises(InvalidArgument) as refused:
        await start(log(), **changes)
    assert [each.field for each in refused.value.fields] == [field]


async def test_a_log_of_a_model_that_is_not_there_is_refused_and_a_command_repeated(log):
    for name in ("nothing", "-1"):
        with pytest.raises(NotFound):
            await start(log(), model_name=name)
    key = new_id()
    first = await start(log(), idempotency_key=key)
    assert await start(log(), idempotency_key=key) == first
    assert (await start(log(), sample_bps=1)).revision == first.revision + 1
