"""Messages of the prediction log and domain values, in pairs."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from forgepoint.events.v1 import events_pb2
from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from fp_events import Event
from fp_kernel import Page
from fp_kernel.tensors import Tensor
from fp_kernel.traces import is_trace_id
from fp_rpc.pagination import page_response
from fp_rpc.tensors import ELEMENTS, TENSOR_TYPES
from fp_rpc.times import from_timestamp, to_timestamp

from fp_monitor.app.log_ports import Stored
from fp_monitor.app.read_log import Chosen
from fp_monitor.app.set_log import Wanted
from fp_monitor.app.write_log import LoggedBatch
from fp_monitor.domain.log import Logged, LoggedTensor, Policy
from fp_monitor.domain.monitor import check_name
from fp_monitor.domain.prediction import MAX_REQUEST_ID

_MICRO = 1_000
_MILLION = 1_000_000


def batch_from_event(event: Event) -> LoggedBatch:
    payload: Any = event.payload
    predictions = [_logged_from_pb(each, payload) for each in payload.predictions]
    return LoggedBatch(event.id, event.team, payload.model_name, predictions)


def _logged_from_pb(each: events_pb2.LoggedPrediction, batch: events_pb2.PredictionsLogged) -> Logged:
    return Logged(
        request_id=each.request_id[:MAX_REQUEST_ID],
        answered_at=each.answered_at.ToDatetime(UTC),
        version=batch.version,
        model_id=batch.model_id,
        is_canary=each.is_canary,
        micros=each.latency.seconds * _MILLION + each.latency.nanos // _MICRO,
        rows=each.rows,
        inputs=_tensors_from_pb(each.inputs),
        outputs=_tensors_from_pb(each.outputs),
        masked=tuple(each.masked),
        trace_id=each.trace_id if is_trace_id(each.trace_id) else "",
    )


def _tensors_from_pb(tensors: Sequence[events_pb2.LoggedTensor]) -> Mapping[str, LoggedTensor]:
    return {
        each.name: LoggedTensor(Tensor(ELEMENTS[each.type], tuple(each.shape), each.data), tuple(each.columns))
        for each in tensors
    }


def wanted_from_pb(request: pb.SetPredictionLogRequest) -> Wanted:
    return Wanted(check_name(request.model_name), request.sample_bps, tuple(request.masked), request.retention_days)


def chosen_from_pb(team: str, request: pb.ListPredictionsRequest | pb.ExportPredictionsRequest) -> Chosen:
    return Chosen(
        team,
        check_name(request.model_name),
        request.version,
        from_timestamp(request.since, "since") if request.HasField("since") else None,
        from_timestamp(request.until, "until") if request.HasField("until") else None,
    )


def policy_to_pb(policy: Policy) -> pb.PredictionLog:
    return pb.PredictionLog(
        model_name=policy.model_name,
        sample_bps=policy.sample_bps,
        masked=policy.masked,
        retention_days=policy.days,
        created_at=to_timestamp(policy.created_at),
        updated_at=to_timestamp(policy.updated_at),
        revision=policy.revision,
    )


def set_to_pb(policy: Policy) -> pb.SetPredictionLogResponse:
    return pb.SetPredictionLogResponse(log=policy_to_pb(policy))


def stored_to_pb(policy: Policy, stored: Stored) -> pb.GetPredictionLogResponse:
    return pb.GetPredictionLogResponse(
        log=policy_to_pb(policy),
        predictions=stored.predictions,
        bytes=stored.bytes,
        oldest=to_timestamp(stored.oldest),
        newest=to_timestamp(stored.newest),
    )


def policies_to_pb(page: Page[Policy]) -> pb.ListPredictionLogsResponse:
    return pb.ListPredictionLogsResponse(logs=map(policy_to_pb, page.items), pagination=page_response(page.next_token))


def models_to_pb(page: Page[Policy]) -> pb.ListLoggedModelsResponse:
    models = (
        pb.LoggedModel(team=each.team, model_name=each.model_name, sample_bps=each.sample_bps, masked=each.masked)
        for each in page.items
    )
    return pb.ListLoggedModelsResponse(models=models, pagination=page_response(page.next_token))


def predictions_to_pb(model_name: str, page: Page[Logged]) -> pb.ListPredictionsResponse:
    return pb.ListPredictionsResponse(
        predictions=(record_to_pb(model_name, each) for each in page.items), pagination=page_response(page.next_token)
    )


def record_to_pb(model_name: str, logged: Logged) -> pb.PredictionRecord:
    prediction = events_pb2.LoggedPrediction(
        request_id=logged.request_id,
        is_canary=logged.is_canary,
        answered_at=to_timestamp(logged.answered_at),
        rows=logged.rows,
        inputs=_tensors_to_pb(logged.inputs),
        outputs=_tensors_to_pb(logged.outputs),
        masked=logged.masked,
        trace_id=logged.trace_id,
    )
    prediction.latency.FromMicroseconds(logged.micros)
    label = logged.label
    return pb.PredictionRecord(
        prediction=prediction,
        model_name=model_name,
        version=logged.version,
        model_id=logged.model_id,
        actual_label=label.actual if label else "",
        observed_at=to_timestamp(label.observed_at if label else None),
    )


def _tensors_to_pb(tensors: Mapping[str, LoggedTensor]) -> list[events_pb2.LoggedTensor]:
    return [
        events_pb2.LoggedTensor(
            name=name,
            type=TENSOR_TYPES[each.tensor.element],
            shape=each.tensor.shape,
            data=each.tensor.data,
            columns=each.columns,
        )
        for name, each in tensors.items()
    ]
