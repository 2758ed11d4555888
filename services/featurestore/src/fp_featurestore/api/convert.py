"""Domain values as messages, and requests as domain values."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_kernel import invalid, parse_id
from fp_kernel.texts import check_length, is_text
from fp_rpc.times import from_duration

from fp_featurestore.api.values import instant_of, plain_row, timestamp, value_of
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.app.rebuild import Progress, Target
from fp_featurestore.app.vectors import Vector
from fp_featurestore.app.write_features import Written
from fp_featurestore.domain.features import Definition, Entity, Feature, Schema, ValueType
from fp_featurestore.domain.rows import MAX_ROWS, NewRow
from fp_featurestore.domain.text import MAX_NAME
from fp_featurestore.domain.view import View

_MICROSECOND = timedelta(microseconds=1)
VALUE_TYPES = {kind: pb.FeatureValueType.Value(f"FEATURE_VALUE_TYPE_{kind}") for kind in ValueType}
_TYPE_OF = {number: kind for kind, number in VALUE_TYPES.items()}
_TARGETS = {
    pb.REBUILD_TARGET_UNSPECIFIED: Target(online=True, offline=True),
    pb.REBUILD_TARGET_ALL: Target(online=True, offline=True),
    pb.REBUILD_TARGET_ONLINE: Target(online=True, offline=False),
    pb.REBUILD_TARGET_OFFLINE: Target(online=False, offline=True),
}


def definition_of(request: pb.DefineFeatureViewRequest) -> Definition:
    """Raises InvalidArgument naming the field; the domain checks the rest."""
    entity = request.entity
    return Definition(
        name=request.name,
        entity=Entity(entity.name, entity.join_key, entity.description),
        features=_schema(request.features),
        description=request.description,
        online_ttl=from_duration(request.online_ttl, "online_ttl") // _MICROSECOND,
        retention=from_duration(request.retention, "retention") // _MICROSECOND,
    )


def view_to_pb(view: View) -> pb.FeatureView:
    message = pb.FeatureView(
        id=view.id,
        name=view.name,
        description=view.description,
        entity=pb.Entity(name=view.entity.name, join_key=view.entity.join_key, description=view.entity.description),
        features=[
            pb.FeatureSpec(
                name=feature.name,
                value_type=VALUE_TYPES[feature.type],
                description=feature.description,
                dimension=feature.dimension,
            )
            for feature in view.features
        ],
        schema_version=view.schema_version,
        owner_user_id=view.owner_id,
        owner_team=view.team,
        created_at=timestamp(view.created_at),
        updated_at=timestamp(view.updated_at),
        revision=view.revision,
        deleted_at=None if view.deleted_at is None else timestamp(view.deleted_at),
        version=view.version,
    )
    if view.online_ttl:
        message.online_ttl.FromMicroseconds(view.online_ttl)
    if view.retention:
        message.retention.FromMicroseconds(view.retention)
    return message


def rows_of(request: pb.WriteFeaturesRequest) -> list[NewRow]:
    """Raises InvalidArgument naming the field; the domain checks the rest."""
    if len(request.features) > MAX_ROWS:
        raise invalid("features", f"has {len(request.features)} rows, at most {MAX_ROWS} are allowed")
    return [_row(one, f"features[{index}]") for index, one in enumerate(request.features)]


def _row(one: pb.FeatureValues, field: str) -> NewRow:
    return NewRow(
        entity_id=one.entity_id,
        values=plain_row(one.values, f"{field}.values"),
        event_time=instant_of(one.event_time, f"{field}.event_time") if one.HasField("event_time") else None,
        available_at=instant_of(one.available_at, f"{field}.available_at") if one.HasField("available_at") else None,
    )


def written_to_pb(written: Written) -> pb.WriteFeaturesResponse:
    return pb.WriteFeaturesResponse(written_count=written.count, written_through_version=written.version)


def vector_to_pb(vector: Vector) -> pb.FeatureVector:
    message = vector_head(vector)
    for name, value in vector.values.items():
        message.values[name].CopyFrom(value_of(value))
    return message


def vector_head(vector: Vector) -> pb.FeatureVector:
    """All but the values."""
    return pb.FeatureVector(
        entity_id=vector.entity_id,
        as_of_version=vector.version,
        event_time=timestamp(vector.event_time),
        schema_version=vector.schema_version,
        available_at=timestamp(vector.available_at),
    )


def ref_of(handle: Any, field: str = "") -> ViewRef:
    """The view that a `handle` of an id or a name names. Raises InvalidArgument naming the field."""
    if handle.name:
        check_length(handle.name, f"{field}name", MAX_NAME)
        if not is_text(handle.name):
            raise invalid(f"{field}name", "must be one line without control characters")
        return ViewRef(name=handle.name)
    if not handle.feature_view_id:
        raise invalid(f"{field}feature_view_id", "give an id or a name")
    return ViewRef(id=parse_id(handle.feature_view_id, f"{field}feature_view_id"))


def target_of(number: int) -> Target:
    """Raises InvalidArgument."""
    target = _TARGETS.get(number)  # type: ignore[call-overload]
    if target is None:
        raise invalid("target", "must be ALL, ONLINE or OFFLINE")
    return target  # type: ignore[no-any-return]


def progress_to_pb(progress: Progress) -> pb.RebuildViewsResponse:
    return pb.RebuildViewsResponse(
        events_replayed=progress.replayed,
        total_events=progress.total,
        current_feature_view_id=progress.view_id,
        done=progress.done,
    )


def _schema(specs: Sequence[pb.FeatureSpec]) -> Schema:
    return tuple(_feature(spec, f"features[{index}]") for index, spec in enumerate(specs))


def _feature(spec: pb.FeatureSpec, field: str) -> Feature:
    kind = _TYPE_OF.get(spec.value_type)
    if kind is None:
        raise invalid(f"{field}.value_type", "must be one of " + ", ".join(ValueType))
    return Feature(spec.name, kind, spec.description, spec.dimension)
