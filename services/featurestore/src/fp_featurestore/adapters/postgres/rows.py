"""Rows of the database as domain values, and back."""

import json
from typing import Any

from asyncpg import Record

from fp_featurestore.domain.features import Definition, Entity, Feature, Schema, ValueType
from fp_featurestore.domain.log import ViewDefined, ViewDeleted
from fp_featurestore.domain.rows import Row
from fp_featurestore.domain.view import View

# JSON travels as text, so that the driver's codecs do not matter.
VIEW = """
    v.id, v.team, v.name, v.description, v.entity_name, v.join_key, v.entity_description, v.schemas::text AS schemas,
    v.online_ttl, v.owner_id, v.created_at, v.updated_at, v.deleted_at, v.version, v.recorded_at,
    v.retention
"""


def to_view(row: Record) -> View:
    return View(
        id=str(row["id"]),
        team=row["team"],
        name=row["name"],
        description=row["description"],
        entity=Entity(row["entity_name"], row["join_key"], row["entity_description"]),
        schemas=tuple(_schema(features) for features in json.loads(row["schemas"])),
        online_ttl=row["online_ttl"],
        owner_id=row["owner_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        version=row["version"],
        recorded_at=row["recorded_at"],
        deleted_at=row["deleted_at"],
        retention=row["retention"],
    )


def of_view(view: View) -> tuple[object, ...]:
    """In the order of the columns of `feature_views`, without the copy."""
    return (
        view.id,
        view.team,
        view.name,
        view.description,
        view.entity.name,
        view.entity.join_key,
        view.entity.description,
        json.dumps([_features(schema) for schema in view.schemas]),
        view.online_ttl,
        view.owner_id,
        view.created_at,
        view.updated_at,
        view.deleted_at,
        view.version,
        view.recorded_at,
        view.retention,
    )


def definition_json(definition: Definition) -> str:
    entity = definition.entity
    return json.dumps(
        {
            "name": definition.name,
            "description": definition.description,
            "entity": {"name": entity.name, "join_key": entity.join_key, "description": entity.description},
            "features": _features(definition.features),
            "online_ttl": definition.online_ttl,
            "retention": definition.retention,
        }
    )


def to_change(row: Record) -> ViewDefined | ViewDeleted:
    """A row of the log that is no write."""
    common = (str(row["view_id"]), row["version"], row["team"], row["recorded_at"], row["recorded_by"])
    if row["type"] == "VIEW_DELETED":
        return ViewDeleted(*common)
    given = json.loads(row["definition"])
    return ViewDefined(
        *common,
        Definition(
            name=given["name"],
            entity=Entity(**given["entity"]),
            features=_schema(given["features"]),
            description=given["description"],
            online_ttl=given["online_ttl"],
            # Definitions from before there was a retention keep everything.
            retention=given.get("retention", 0),
        ),
    )


def to_row(row: Record) -> Row:
    return Row(
        row["entity_id"],
        row["event_time"],
        row["available_at"],
        row["version"],
        row["ordinal"],
        row["schema_version"],
        row["packed"],
    )


def _features(schema: Schema) -> list[dict[str, object]]:
    return [
        {
            "name": feature.name,
            "type": feature.type.value,
            "description": feature.description,
            "dimension": feature.dimension,
        }
        for feature in schema
    ]


def _schema(features: list[dict[str, Any]]) -> Schema:
    return tuple(Feature(one["name"], ValueType(one["type"]), one["description"], one["dimension"]) for one in features)
