"""Rows of the write side as domain values, and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from asyncpg import Record

from fp_registry.domain.model import Model
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import Described, Member, Version

# Every statement names its table `m` or `v`. JSON travels as text, so that the driver's codecs do not matter.
MODEL = """
    m.id, m.team, m.name, m.description, m.owner_id, m.framework, m.task_type, m.tags::text AS tags, m.revision,
    m.versions, m.next_number, m.created_at, m.updated_at, m.archived_at,
    (SELECT version FROM versions WHERE team = m.team AND model_id = m.id AND stage = 'PRODUCTION')
        AS production_version,
    (SELECT version FROM versions WHERE team = m.team AND model_id = m.id ORDER BY ordinal DESC LIMIT 1)
        AS latest_version
"""

_VERSION = """
    v.id, v.model_id, v.team, v.version, v.ordinal, v.description, v.stage, v.status, v.artifact_path,
    v.artifact_digest, v.size_bytes, v.metrics::text AS metrics, v.run_id, v.failure_reason, v.created_by,
    v.created_at, v.revision, v.members::text AS members
"""
VERSION = f"{_VERSION}, v.signature, v.baseline_profile"
# For readers: what is served on lists and single reads, without the profile of up to 256 KiB.
VERSION_DOCUMENT = f"{_VERSION}, v.signature, substring(v.baseline_profile FROM 1 FOR 1) AS baseline_profile"
VERSION_WITH_SIGNATURE = f"{_VERSION}, v.signature, ''::bytea AS baseline_profile"
VERSION_FACTS = f"{_VERSION}, ''::bytea AS signature, ''::bytea AS baseline_profile"


def to_model(row: Record) -> Model:
    return Model(
        id=str(row["id"]),
        team=row["team"],
        name=row["name"],
        description=row["description"],
        owner_id=row["owner_id"],
        framework=row["framework"],
        task_type=row["task_type"],
        tags=json.loads(row["tags"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        archived_at=row["archived_at"],
        revision=row["revision"],
        versions=row["versions"],
        next_number=row["next_number"],
        production_version=row["production_version"] or "",
        latest_version=row["latest_version"] or "",
    )


def to_version(row: Record) -> Version:
    return Version(
        id=str(row["id"]),
        model_id=str(row["model_id"]),
        team=row["team"],
        name=row["version"],
        ordinal=row["ordinal"],
        description=row["description"],
        stage=Stage(row["stage"]),
        status=Status(row["status"]),
        artifact_path=row["artifact_path"],
        digest=row["artifact_digest"],
        size_bytes=row["size_bytes"],
        metrics=json.loads(row["metrics"]),
        created_by=row["created_by"],
        created_at=row["created_at"],
        run_id=row["run_id"],
        failure_reason=row["failure_reason"],
        revision=row["revision"],
        described=Described(signature=row["signature"], baseline=row["baseline_profile"]),
        members=tuple(Member(**member) for member in json.loads(row["members"])),
    )


def to_tenure(row: Record) -> Tenure:
    return Tenure(
        version_id=str(row["version_id"]),
        version=row["version"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        promoted_by=row["promoted_by"],
    )


def as_json(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), allow_nan=False)


def members_json(members: Sequence[Member]) -> str:
    return json.dumps([asdict(member) for member in members])
