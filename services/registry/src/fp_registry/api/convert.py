"""Domain values as messages, and requests as domain values."""

from collections.abc import Mapping
from typing import Any

from forgepoint.registry.v1 import registry_pb2 as pb
from fp_kernel import invalid
from fp_rpc.times import to_timestamp
from google.protobuf.struct_pb2 import Struct, Value

from fp_registry.api.profiles import baseline_of, signature_of
from fp_registry.app.read_ports import EnsembleUse
from fp_registry.domain.model import Model, ModelUpdate, NewModel
from fp_registry.domain.promotion import Tenure
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import Described, Member, NewVersion, Version

MAX_METRICS_BYTES = 32 * 1024

_STAGES = {stage: pb.ModelStage.Value(f"MODEL_STAGE_{stage}") for stage in Stage}
_STATUSES = {status: pb.VersionStatus.Value(f"VERSION_STATUS_{status}") for status in Status}
_STAGE_OF: Mapping[int, Stage] = {number: stage for stage, number in _STAGES.items()}


def model_to_pb(model: Model) -> pb.Model:
    message = pb.Model(
        id=model.id,
        name=model.name,
        description=model.description,
        owner_id=model.owner_id,
        team=model.team,
        framework=model.framework,
        task_type=model.task_type,
        tags=model.tags,
        production_version=model.production_version,
        latest_version=model.latest_version,
        created_at=to_timestamp(model.created_at),
        updated_at=to_timestamp(model.updated_at),
    )
    if model.archived_at is not None:
        message.archived_at.FromDatetime(model.archived_at)
    return message


def version_to_pb(version: Version) -> pb.ModelVersion:
    message = version_facts_to_pb(version)
    if version.described.baseline:
        message.baseline_profile.ParseFromString(version.described.baseline)
    return message


def version_facts_to_pb(version: Version) -> pb.ModelVersion:
    """Everything but the baseline profile."""
    message = pb.ModelVersion(
        id=version.id,
        model_id=version.model_id,
        version=version.name,
        description=version.description,
        artifact_path=version.artifact_path,
        artifact_digest=version.digest,
        size_bytes=version.size_bytes,
        stage=_STAGES[version.stage],
        status=_STATUSES[version.status],
        created_by=version.created_by,
        created_at=to_timestamp(version.created_at),
        run_id=version.run_id,
        failure_reason=version.failure_reason,
        revision=version.revision,
        members=map(_member_to_pb, version.members),
    )
    message.metrics.update(version.metrics)
    if version.described.signature:
        message.signature.ParseFromString(version.described.signature)
    return message


def _member_to_pb(member: Member) -> pb.EnsembleMember:
    return pb.EnsembleMember(
        step=member.step,
        model_id=member.model_id,
        model_name=member.model,
        version_id=member.version_id,
        version=member.version,
        artifact_digest=member.digest,
        size_bytes=member.size_bytes,
    )


def ensemble_to_pb(use: EnsembleUse) -> pb.Ensemble:
    return pb.Ensemble(
        model_id=use.model_id,
        model_name=use.model,
        version_id=use.version_id,
        version=use.version,
        stage=_STAGES[use.stage],
        steps=use.steps,
        model_archived=use.model_archived,
    )


def tenure_to_pb(tenure: Tenure) -> pb.ProductionTenure:
    return pb.ProductionTenure(
        version_id=tenure.version_id,
        version=tenure.version,
        started_at=to_timestamp(tenure.started_at),
        ended_at=to_timestamp(tenure.ended_at) if tenure.ended_at else None,
        promoted_by=tenure.promoted_by,
    )


def new_model(request: pb.RegisterModelRequest) -> NewModel:
    return NewModel(
        name=request.name,
        description=request.description,
        framework=request.framework,
        task_type=request.task_type,
        tags=dict(request.tags),
    )


def model_update(request: pb.UpdateModelRequest) -> ModelUpdate:
    return ModelUpdate(
        description=request.description if request.update_description else None,
        tags=dict(request.tags) if request.replace_tags else None,
    )


def new_version(request: pb.CreateVersionRequest) -> NewVersion:
    """Raises InvalidArgument naming the part that is too large; the domain checks the rest."""
    if request.metrics.ByteSize() > MAX_METRICS_BYTES:
        raise invalid("metrics", f"at most {MAX_METRICS_BYTES} bytes")
    return NewVersion(
        name=request.version,
        description=request.description,
        metrics=_plain_struct(request.metrics),
        run_id=request.run_id,
        signature=signature_of(request.signature) if request.HasField("signature") else None,
        baseline=baseline_of(request.baseline_profile) if request.HasField("baseline_profile") else None,
        described=Described(
            signature=request.signature.SerializeToString(),
            baseline=request.baseline_profile.SerializeToString(),
        ),
    )


def stage_filter(number: int, field: str) -> Stage | None:
    """None for any stage. Raises InvalidArgument naming `field` for a number that is no stage."""
    if number == pb.MODEL_STAGE_UNSPECIFIED:
        return None
    return stage_of(number, field)


def stage_of(number: int, field: str) -> Stage:
    """Raises InvalidArgument naming `field`."""
    stage = _STAGE_OF.get(number)
    if stage is None:
        raise invalid(field, "must be DEV, STAGING, PRODUCTION or ARCHIVED")
    return stage


def _plain_struct(struct: Struct) -> dict[str, Any]:
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _plain_struct(value.struct_value)
        case "list_value":
            return [_plain(inner) for inner in value.list_value.values]
        case "number_value":
            return value.number_value
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
    return None
