"""Training sets on the wire."""

from collections.abc import Sequence

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import invalid

from fp_featurestore.api.convert import VALUE_TYPES, ref_of
from fp_featurestore.api.values import instant_of, timestamp
from fp_featurestore.app.training_set import Head, Pairs, Wanted, WantedView, Window
from fp_featurestore.domain import text
from fp_featurestore.domain.features import ValueType
from fp_featurestore.domain.instants import FIRST, LAST
from fp_featurestore.domain.plan import Column
from fp_featurestore.domain.training import MAX_PAIRS, MAX_VIEWS, ColumnHead, TrainingRows
from fp_featurestore.domain.values import numbers


def wanted_of(request: pb.GetTrainingSetRequest) -> Wanted:
    """Raises InvalidArgument naming the field."""
    if not 1 <= len(request.feature_views) <= MAX_VIEWS:
        raise invalid("feature_views", f"must be 1 to {MAX_VIEWS}")
    if not request.HasField("known_as_of"):
        raise invalid("known_as_of", "must be set")
    return Wanted(
        views=[_view(one, f"feature_views[{index}].") for index, one in enumerate(request.feature_views)],
        rows=_rows(request),
        known_as_of=instant_of(request.known_as_of, "known_as_of"),
    )


def _view(one: pb.TrainingSetView, field: str) -> WantedView:
    return WantedView(
        ref=ref_of(one, field),
        names=one.feature_names,
        as_of=instant_of(one.as_of, f"{field}as_of") if one.HasField("as_of") else None,
        known_later=one.known_later,
        required=one.required,
        through=_version(one.through_version, f"{field}through_version"),
    )


def _rows(request: pb.GetTrainingSetRequest) -> Pairs | Window:
    match request.WhichOneof("rows"):
        case "pairs":
            return _pairs(request.pairs)
        case "window":
            window = request.window
            for name in ("start", "end"):
                if not window.HasField(name):
                    raise invalid(f"window.{name}", "must be set")
            found = Window(
                ref=ref_of(window, "window."),
                start=instant_of(window.start, "window.start"),
                end=instant_of(window.end, "window.end"),
                through=_version(window.through_version, "window.through_version"),
            )
            if found.end <= found.start:
                raise invalid("window.end", "must be after the start")
            return found
    raise invalid("pairs", "give pairs or a window")


def _pairs(pairs: pb.TrainingSetRows) -> Pairs:
    count = len(pairs.entity_ids)
    if not 1 <= count <= MAX_PAIRS:
        raise invalid("pairs.entity_ids", f"must be 1 to {MAX_PAIRS}")
    if len(pairs.as_of_micros) != count:
        raise invalid("pairs.as_of_micros", f"has {len(pairs.as_of_micros)} entries for {count} entities")
    for index, entity_id in enumerate(pairs.entity_ids):
        text.check_entity_id(entity_id, f"pairs.entity_ids[{index}]")
    for index, at in enumerate(pairs.as_of_micros):
        if not FIRST <= at <= LAST:
            raise invalid(f"pairs.as_of_micros[{index}]", "must be a time of the years 1 to 9999")
    return Pairs(list(pairs.entity_ids), list(pairs.as_of_micros))


def _version(number: int, field: str) -> int:
    if number < 0:
        raise invalid(field, "must not be negative")
    return number


def head_to_pb(head: Head) -> pb.GetTrainingSetResponse:
    columns = [
        pb.TrainingSetColumn(
            feature_view_id=column.view_id,
            name=column.feature.name,
            value_type=VALUE_TYPES[column.feature.type],
            dimension=column.feature.dimension,
        )
        for column in head.columns
    ]
    return pb.GetTrainingSetResponse(columns=columns, known_as_of=timestamp(head.known_as_of))


def rows_to_pb(rows: TrainingRows, head: Sequence[ColumnHead]) -> pb.GetTrainingSetResponse:
    pairs = zip(rows.columns, head, strict=True)
    return pb.GetTrainingSetResponse(
        entity_ids=rows.entity_ids,
        as_of_micros=rows.times,
        values=[values_to_pb(column, one.feature.type) for column, one in pairs],
    )


def values_to_pb(column: Column, kind: ValueType) -> pb.TrainingSetValues:
    missing = [place for place, value in enumerate(column) if value is None] if None in column else []
    match kind:
        case ValueType.DOUBLE:
            return pb.TrainingSetValues(doubles=_filled(column, missing, 0.0), missing=missing)
        case ValueType.INT64 | ValueType.TIMESTAMP:
            return pb.TrainingSetValues(integers=_filled(column, missing, 0), missing=missing)
        case ValueType.BOOL:
            return pb.TrainingSetValues(bools=_filled(column, missing, False), missing=missing)
        case ValueType.STRING | ValueType.STRUCT:
            texts = [value.decode() for value in _filled(column, missing, b"")]
            return pb.TrainingSetValues(strings=texts, missing=missing)
        case ValueType.DOUBLE_LIST:
            lists = [numbers(value) for value in _filled(column, missing, b"")]
            return pb.TrainingSetValues(
                doubles=[number for one in lists for number in one],
                lengths=[len(one) for one in lists],
                missing=missing,
            )


def _filled(column: Column, missing: Sequence[int], nothing: object) -> Column:
    return [nothing if value is None else value for value in column] if missing else column
