"""A prediction is recorded as it was made; the event that is built of it later is the one of then."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

from forgepoint.events.v1 import events_pb2 as pb
from fp_inference.adapters.events import completed_part
from fp_inference.adapters.made import Attempt, Made
from fp_inference.adapters.spool.builder import Builder
from fp_inference.adapters.spool.layouts import Layouts
from fp_inference.adapters.spool.raw import Raw, opened, raw
from fp_inference.adapters.spool.records import Record, pack, unpack
from fp_inference.adapters.spool.spool import Spool
from fp_inference.app.values import Replay
from fp_inference.domain.failures import FailureReason
from fp_inference.domain.summary import rows
from fp_kernel.packing import pack as packed
from fp_kernel.signatures import UNDECLARED, Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_telemetry import Metrics
from fp_testkit.clock import ManualClock
from fp_testkit.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

_AT = datetime(2013, 3, 1, tzinfo=UTC)
_FLOATS = (ElementType.FLOAT32, ElementType.FLOAT64)
_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)
_VALUES = {
    ElementType.FLOAT32: st.floats(width=32) | st.integers(-2, 5).map(float),
    ElementType.FLOAT64: st.floats() | st.integers(-2, 5).map(float),
    ElementType.FLOAT16: st.floats(width=16) | st.integers(-2, 5).map(float),
    ElementType.BFLOAT16: st.sampled_from([math.nan, math.inf, -math.inf, 0.5]) | st.integers(-2, 5).map(float),
    ElementType.INT8: st.integers(-(2**7), 2**7 - 1),
    ElementType.UINT8: st.integers(0, 2**8 - 1),
    ElementType.INT16: st.integers(-(2**15), 2**15 - 1),
    ElementType.UINT16: st.integers(0, 2**16 - 1),
    ElementType.UINT32: st.integers(0, 2**32 - 1),
    ElementType.UINT64: st.integers(0, 2**64 - 1),
    ElementType.INT32: st.integers(-5, 5),
    ElementType.INT64: st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 5),
    ElementType.BOOL: st.booleans(),
    ElementType.STRING: st.text(max_size=5),
}


@st.composite
def tensors(draw: st.DrawFn, elements: tuple[ElementType, ...], least: int = 0) -> Tensor:
    element = draw(st.sampled_from(elements))
    shape = draw(st.lists(st.integers(least, 4), max_size=3))
    count = math.prod(shape)
    values = draw(st.lists(_VALUES[element], min_size=count, max_size=count))
    return packed(values if shape else values[0], element, "data", shape)


@st.composite
def signatures(draw: st.DrawFn, inputs: dict[str, Tensor], outputs: dict[str, Tensor]) -> Signature:
    """Of these tensors, with as many columns as they have, or another number."""

    def spec(name: str, tensor: Tensor) -> TensorSpec:
        width = draw(st.sampled_from([0, tensor.width, tensor.width + 1]))
        categories = st.lists(_NAMES, max_size=3).map(tuple)
        columns = tuple(Column(draw(_NAMES), draw(categories)) for _ in range(width))
        first = draw(st.sampled_from([-1, tensor.shape[0]])) if tensor.shape else 0
        return TensorSpec(name, tensor.element, (first, *tensor.shape[1:]) if tensor.shape else (), columns)

    if draw(st.booleans()):
        return UNDECLARED
    return Signature(
        tuple(spec(name, each) for name, each in inputs.items()),
        tuple(spec(name, each) for name, each in outputs.items()),
    )


@st.composite
def predictions(draw: st.DrawFn) -> tuple[Made, Signature]:
    inputs = draw(st.dictionaries(_NAMES, tensors(tuple(ElementType), 1), min_size=1, max_size=3))
    outputs = draw(st.dictionaries(_NAMES, tensors((*_FLOATS, *_FLOATS, *ElementType)), max_size=3))
    signature = draw(signatures(inputs, outputs))
    attempts = [Attempt("1", True, FailureReason.TIMEOUT, 5), Attempt("2", False, None, 2_000_000_000)]
    return (
        Made(
            team=draw(_NAMES),
            model_id="m",
            model_name=draw(_NAMES),
            version="2",
            request_id="r/1",
            api_key_id=draw(st.sampled_from(["", "key"])),
            actor="actor",
            correlation_id="c",
            traceparent=draw(st.sampled_from(["", "00-1-2-01"])),
            is_canary=draw(st.booleans()),
            nanos=draw(st.integers(0, 10**11)),
            at=_AT + timedelta(microseconds=draw(st.integers(0, 10**12))),
            rows=rows(inputs, signature),
            attempts=attempts[: draw(st.integers(1, 2))],
            inputs=inputs,
            outputs=outputs,
        ),
        signature,
    )


@given(predictions(), st.none() | st.builds(Replay, st.binary(max_size=8), st.binary(max_size=8), st.binary()))
def test_a_prediction_comes_back_as_it_was_made(prediction: tuple[Made, Signature], replay: Replay | None) -> None:
    made, _ = prediction
    record = unpack(pack(Record(raw(made, "layout"), replay)))
    assert isinstance(record.report, Raw)
    assert (record.report.team, record.report.at, record.report.rows) == (made.team, made.at, made.rows)
    assert (opened(record.report), record.replay) == (made, replay)


def _bytes(payload: bytes) -> bytes:
    """In one order, so that NaN equals NaN."""
    return pb.InferenceCompleted.FromString(payload).SerializeToString(deterministic=True)


@settings(max_examples=examples(100))
@given(st.lists(predictions(), min_size=1, max_size=2), st.data())
def test_the_event_is_the_one_that_would_have_been_built_at_once(
    given_: list[tuple[Made, Signature]], data: st.DataObject
) -> None:
    """A second prediction with the same names, types and shapes goes by what was prepared for the first."""
    (made, signature), *_ = given_
    layouts = _Signatures(signature)
    metrics = Metrics("inference")
    builder = Builder(layouts, ManualClock(), metrics)
    for _ in range(2):
        report = builder.built(raw(made, "layout"))
        wanted = completed_part(made, signature)
        assert _bytes(report.payload) == _bytes(wanted.payload)
        assert (report.team, report.model_id, report.version, report.at) == (made.team, "m", "2", made.at)
        assert (report.rows, report.tokens, report.traceparent) == (wanted.rows, 0, made.traceparent)
        made.inputs = {name: data.draw(_alike(each)) for name, each in made.inputs.items()}
        made.outputs = {name: data.draw(_alike(each)) for name, each in made.outputs.items()}
    assert metrics.registry.get_sample_value("fp_inference_summaries_failed_total") == 0


def _alike(tensor: Tensor) -> st.SearchStrategy[Tensor]:
    values = st.lists(_VALUES[tensor.element], min_size=tensor.count, max_size=tensor.count)
    return values.map(lambda found: packed(found if tensor.shape else found[0], tensor.element, "data", tensor.shape))


class _Signatures(Layouts):
    """One, in memory."""

    def __init__(self, signature: Signature) -> None:
        self._signature = signature

    def find(self, name: str) -> Signature:
        return self._signature


_SIGNATURE = Signature((TensorSpec("x", ElementType.FLOAT32, (-1, 1), (Column("hour", ("a", "b")),)),))


def test_a_signature_outlives_the_process_that_recorded_by_it(tmp_path: Path) -> None:
    name = Layouts(tmp_path).digest(_SIGNATURE)
    assert Layouts(tmp_path).digest(Signature(_SIGNATURE.inputs, ())) == name
    assert Layouts(tmp_path).find(name) == _SIGNATURE


def test_a_signature_that_is_damaged_costs_names_and_no_prediction(tmp_path: Path) -> None:
    name = Layouts(tmp_path).digest(_SIGNATURE)
    (tmp_path / "layouts" / f"{name}.json").write_text("{")
    assert Layouts(tmp_path).find(name) == UNDECLARED


def test_signatures_go_with_the_last_record_that_names_one(tmp_path: Path) -> None:
    def start() -> Spool:
        return Spool(tmp_path, max_bytes=100_000, segment_bytes=1_000)

    def signatures_on_disk() -> int:
        return len(list((tmp_path / "layouts").iterdir()))

    x = {"x": Tensor(ElementType.BOOL, (), b"\1")}
    made = Made("alpha", "m", "delays", "1", "r", "", "u", "", "", False, 1, _AT, 1, [], x, {})
    spool = start()
    spool.append(Record(raw(made, spool.layouts.digest(_SIGNATURE)), None))
    spool.close()
    spool = start()
    assert signatures_on_disk() == 1
    spool.commit(spool.take(10)[-1].after)
    spool.close()
    start().close()
    assert signatures_on_disk() == 0
