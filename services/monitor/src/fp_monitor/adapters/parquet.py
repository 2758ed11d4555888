"""Logged predictions as Parquet.

The library is loaded with the first file: a monitor without a log does not need its 60 MB.
"""

import base64
import io
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from typing import Any

from fp_kernel.tensors import ElementType, Tensor

from fp_monitor.domain.entities import Concerns
from fp_monitor.domain.log import DamagedFile, Label, Logged, LoggedTensor, Merged

# Of a row group: what one answer reads at least.
_GROUP = 1_000
_LABEL = ("actual_label", "observed_at")
# Its place among the columns.
_ANSWERED_AT = 1
_FORMAT = {b"forgepoint.prediction_log": b"1"}
# In the file's own facts: 16 bytes a prediction, in its order, as base64. A release before takes a file with one more
# column for a damaged one, leaves it out of answers and erases all of it (ADR 0262).
_TRACES = b"forgepoint.trace_ids"
_TRACE, _TRACE_BYTES = "trace_id", 16
_NO_TRACE = bytes(_TRACE_BYTES)


def encode(predictions: Sequence[Logged]) -> bytes:
    """Sorted by the time of the answer and the request id; one that is there twice is stored once."""
    pa, pq = _library()
    distinct = {(each.answered_at, each.request_id): each for each in predictions}
    rows = [_row(distinct[key]) for key in sorted(distinct)]
    return _written(pa.Table.from_pylist(rows, schema=_schema(pa).append(_trace_field(pa))), pq)


def merge(files: Sequence[bytes], without: Collection[str] = ()) -> Merged | None:
    """One file of several; None when nothing is left. without: request ids that are left out.

    Raises DamagedFile.
    """
    pa, pq = _library()
    tables = []
    for place, content in enumerate(files):
        with _damaged(place):
            tables.append(_read(pq, content, pa))
    whole = pa.concat_tables(tables)
    whole = whole.sort_by([("answered_at", "ascending"), ("request_id", "ascending")])
    ids, times = whole.column("request_id").to_pylist(), whole.column("answered_at").to_pylist()
    places = [
        place
        for place, name in enumerate(ids)
        if name not in without and (not place or ids[place - 1] != name or times[place - 1] != times[place])
    ]
    if not places:
        return None
    kept = whole.take(pa.array(places, pa.int64())) if len(places) < len(ids) else whole
    return Merged(_written(kept, pq), [ids[place] for place in places], times[places[0]], times[places[-1]])


def request_ids(content: bytes) -> list[str]:
    """Raises DamagedFile."""
    _, pq = _library()
    with _damaged():
        found: list[str] = pq.read_table(io.BytesIO(content), columns=["request_id"]).column(0).to_pylist()
    return found


def concerned(content: bytes, concerns: Concerns) -> list[str]:
    """Request ids of predictions whose inputs, with what of them is masked, are so. Raises DamagedFile."""
    _, pq = _library()
    found: list[str] = []
    with _damaged():
        file = pq.ParquetFile(io.BytesIO(content))
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=["request_id", "inputs", "masked"], use_threads=False).to_pylist()
            found += [row["request_id"] for row in rows if concerns(_read_tensors(row["inputs"]), row["masked"])]
    return found


def with_labels(content: bytes, labels: Mapping[str, Label]) -> bytes:
    """The same predictions, those with a label of these with it; others have the one they had. Raises DamagedFile."""
    pa, pq = _library()
    with _damaged():
        table = _read(pq, content, pa)
    ids = table.column("request_id").to_pylist()
    found = [labels.get(each) for each in ids]
    schema, actual, observed = _schema(pa), *(table.column(each).to_pylist() for each in _LABEL)
    for name, values in (
        ("actual_label", [each.actual if each else had for each, had in zip(found, actual, strict=True)]),
        ("observed_at", [each.observed_at if each else had for each, had in zip(found, observed, strict=True)]),
    ):
        place = schema.get_field_index(name)
        table = table.set_column(place, schema.field(place), pa.array(values, schema.field(place).type))
    return _written(table, pq)


def read(
    content: bytes, *, since: datetime | None, before: tuple[datetime, str], version: str, request_id: str, limit: int
) -> list[Logged]:
    """Newest first: predictions whose time and id lie below `before`, at most `limit`. Row groups without any are not
    read. Raises DamagedFile.
    """
    pa, pq = _library()
    pc = import_module("pyarrow.compute")
    at, name = pc.field("answered_at"), pc.field("request_id")
    until = pa.scalar(before[0], pa.timestamp("us", "UTC"))
    wanted = (at < until) | ((at == until) & (name < before[1]))
    if since is not None:
        wanted &= at >= pa.scalar(since, pa.timestamp("us", "UTC"))
    if version:
        wanted &= pc.field("version") == version
    if request_id:
        wanted &= name == request_id
    with _damaged():
        return _newest(pq.ParquetFile(io.BytesIO(content)), wanted, since, before[0], limit)


def _newest(file: Any, wanted: Any, since: datetime | None, until: datetime, limit: int) -> list[Logged]:
    pa, _ = _library()
    found: list[Logged] = []
    traces, end = _traces(file), file.metadata.num_rows
    for group in reversed(range(file.num_row_groups)):
        facts = file.metadata.row_group(group)
        start, end = end - facts.num_rows, end - facts.num_rows
        times = facts.column(_ANSWERED_AT).statistics
        if times is not None and (times.min > until or (since is not None and times.max < since)):
            continue
        whole = file.read_row_group(group, use_threads=False)
        table = _traced(pa, whole, traces[start : start + facts.num_rows]).filter(wanted)
        some = table.slice(max(0, table.num_rows - (limit - len(found))))
        found += [_logged(row) for row in reversed(some.to_pylist())]
        if len(found) >= limit:
            break
    return found


@contextmanager
def _damaged(place: int = 0) -> Iterator[None]:
    """What the library says of a file that is none, or is cut off."""
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, NotImplementedError) as error:
        # pyarrow's own exceptions are these as well.
        raise DamagedFile(place) from error


def _library() -> tuple[Any, Any]:
    return import_module("pyarrow"), import_module("pyarrow.parquet")


def _schema(pa: Any) -> Any:
    tensors = pa.list_(
        pa.struct(
            [
                pa.field("name", pa.string()),
                pa.field("type", pa.string()),
                pa.field("shape", pa.list_(pa.int64())),
                pa.field("data", pa.binary()),
                pa.field("columns", pa.list_(pa.string())),
            ]
        )
    )
    return pa.schema(
        [
            pa.field("request_id", pa.string()),
            pa.field("answered_at", pa.timestamp("us", "UTC")),
            pa.field("version", pa.string()),
            pa.field("model_id", pa.string()),
            pa.field("is_canary", pa.bool_()),
            pa.field("latency_us", pa.int64()),
            pa.field("rows", pa.int64()),
            pa.field("inputs", tensors),
            pa.field("outputs", tensors),
            pa.field("masked", pa.list_(pa.string())),
            pa.field("actual_label", pa.string()),
            pa.field("observed_at", pa.timestamp("us", "UTC")),
        ],
        metadata=_FORMAT,
    )


def _trace_field(pa: Any) -> Any:
    return pa.field(_TRACE, pa.binary(_TRACE_BYTES))


def _traced(pa: Any, table: Any, traces: Sequence[bytes]) -> Any:
    field = _trace_field(pa)
    return table.append_column(field, pa.array(traces, field.type))


def _traces(file: Any) -> list[bytes]:
    """Of each prediction of the file; files of a release before have none."""
    count, facts = file.metadata.num_rows, file.metadata.metadata or {}
    found = base64.b64decode(facts.get(_TRACES, b""))
    if len(found) != count * _TRACE_BYTES:
        return [_NO_TRACE] * count
    return [found[place : place + _TRACE_BYTES] for place in range(0, len(found), _TRACE_BYTES)]


def _written(table: Any, pq: Any) -> bytes:
    """table: with its traces as the last column."""
    traces, columns = b"".join(table.column(_TRACE).to_pylist()), table.drop_columns([_TRACE])
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, columns.schema, compression="zstd") as writer:
        writer.write_table(columns, row_group_size=_GROUP)
        if traces.strip(b"\0"):
            writer.add_key_value_metadata({_TRACES: base64.b64encode(traces)})
    return sink.getvalue()


def _read(pq: Any, content: bytes, pa: Any) -> Any:
    file = pq.ParquetFile(io.BytesIO(content))
    # A column that a later release adds is left out, and not taken for damage.
    table = file.read(columns=_schema(pa).names, use_threads=False).cast(_schema(pa))
    return _traced(pa, table, _traces(file))


def _row(prediction: Logged) -> dict[str, Any]:
    return {
        "request_id": prediction.request_id,
        "answered_at": prediction.answered_at,
        "version": prediction.version,
        "model_id": prediction.model_id,
        "is_canary": prediction.is_canary,
        "latency_us": prediction.micros,
        "rows": prediction.rows,
        "inputs": [*_tensors(prediction.inputs.items())],
        "outputs": [*_tensors(prediction.outputs.items())],
        "masked": [*prediction.masked],
        "actual_label": prediction.label.actual if prediction.label else None,
        "observed_at": prediction.label.observed_at if prediction.label else None,
        _TRACE: bytes.fromhex(prediction.trace_id) or _NO_TRACE,
    }


def _tensors(tensors: Collection[tuple[str, LoggedTensor]]) -> Iterator[dict[str, Any]]:
    for name, each in tensors:
        tensor = each.tensor
        yield {
            "name": name,
            "type": tensor.element.value,
            "shape": [*tensor.shape],
            "data": tensor.data,
            "columns": [*each.columns],
        }


def _logged(row: dict[str, Any]) -> Logged:
    return Logged(
        row["request_id"],
        row["answered_at"],
        row["version"],
        row["model_id"],
        row["is_canary"],
        row["latency_us"],
        row["rows"],
        _read_tensors(row["inputs"]),
        _read_tensors(row["outputs"]),
        tuple(row["masked"]),
        Label(row["actual_label"], row["observed_at"]) if row["actual_label"] is not None else None,
        "" if row[_TRACE] == _NO_TRACE else row[_TRACE].hex(),
    )


def _read_tensors(rows: Sequence[dict[str, Any]]) -> dict[str, LoggedTensor]:
    return {
        row["name"]: LoggedTensor(
            Tensor(ElementType(row["type"]), tuple(row["shape"]), row["data"]), tuple(row["columns"])
        )
        for row in rows
    }
