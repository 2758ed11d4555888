"""Domain events as messages of the bus."""

from forgepoint.events.v1 import events_pb2
from fp_events import Event
from google.protobuf.message import Message

from fp_registry.domain.events import (
    DomainEvent,
    ModelArchived,
    ModelRegistered,
    ModelRestored,
    VersionCreated,
    VersionPromoted,
    VersionReady,
)
from fp_registry.domain.model import Model
from fp_registry.domain.stages import Stage

REGISTERED = "fp.models.registered"
VERSION_CREATED = "fp.models.version.created"
VERSION_READY = "fp.models.version.ready"
PROMOTED = "fp.models.promoted"
ARCHIVED = "fp.models.archived"
RESTORED = "fp.models.restored"

_STAGES = {stage: events_pb2.ModelStage.Value(f"MODEL_STAGE_{stage}") for stage in Stage}


def to_event(event: DomainEvent) -> Event:
    """The resource of every one is the model: readers get the changes of a model and its versions in one order."""
    match event:
        case ModelRegistered():
            return _registered(event)
        case VersionCreated():
            return _created(event)
        case VersionReady():
            return _ready(event)
        case VersionPromoted():
            return _promoted(event)
        case ModelArchived():
            return _archived(event)
        case ModelRestored():
            return _restored(event)


def _event(subject: str, payload: Message, model: Model, actor: str, summary: str) -> Event:
    return Event(subject, payload, team=model.team, resource_id=model.id, summary=summary, actor=actor)


def _registered(event: ModelRegistered) -> Event:
    model = event.model
    payload = events_pb2.ModelRegistered(
        model_id=model.id,
        model_name=model.name,
        framework=model.framework,
        task_type=model.task_type,
        owner_id=model.owner_id,
        team=model.team,
    )
    payload.registered_at.FromDatetime(model.created_at)
    return _event(REGISTERED, payload, model, model.owner_id, f"Model {model.name} was registered.")


def _created(event: VersionCreated) -> Event:
    model, version = event.model, event.version
    payload = events_pb2.ModelVersionCreated(
        model_id=model.id,
        model_name=model.name,
        version_id=version.id,
        version=version.name,
        created_by=version.created_by,
        run_id=version.run_id,
    )
    payload.created_at.FromDatetime(version.created_at)
    summary = f"Version {version.name} of model {model.name} was created."
    return _event(VERSION_CREATED, payload, model, version.created_by, summary)


def _ready(event: VersionReady) -> Event:
    model, version = event.model, event.version
    payload = events_pb2.ModelVersionReady(
        model_id=model.id,
        model_name=model.name,
        version_id=version.id,
        version=version.name,
        artifact_path=version.artifact_path,
        artifact_digest=version.digest,
        size_bytes=version.size_bytes,
        run_id=version.run_id,
    )
    payload.ready_at.FromDatetime(event.at)
    summary = f"Version {version.name} of model {model.name} is ready."
    return _event(VERSION_READY, payload, model, event.by, summary)


def _promoted(event: VersionPromoted) -> Event:
    move = event.move
    model, version, demoted = move.model, move.version, move.demoted
    payload = events_pb2.ModelPromoted(
        model_id=model.id,
        model_name=model.name,
        version_id=version.id,
        version=version.name,
        from_stage=_STAGES[move.origin],
        to_stage=_STAGES[version.stage],
        demoted_version_id=demoted.id if demoted else "",
        demoted_version=demoted.name if demoted else "",
        promoted_by=event.by,
        run_id=version.run_id,
    )
    payload.promoted_at.FromDatetime(event.at)
    if version.described.signature:
        payload.signature.ParseFromString(version.described.signature)
    if version.described.baseline:
        payload.baseline_profile.ParseFromString(version.described.baseline)
    summary = f"Version {version.name} of model {model.name} went from {move.origin} to {version.stage}."
    return _event(PROMOTED, payload, model, event.by, summary)


def _archived(event: ModelArchived) -> Event:
    model = event.model
    payload = events_pb2.ModelArchived(model_id=model.id, model_name=model.name, archived_by=event.by)
    payload.archived_at.FromDatetime(event.at)
    return _event(ARCHIVED, payload, model, event.by, f"Model {model.name} was archived.")


def _restored(event: ModelRestored) -> Event:
    model = event.model
    payload = events_pb2.ModelRestored(model_id=model.id, model_name=model.name, restored_by=event.by)
    payload.restored_at.FromDatetime(event.at)
    return _event(RESTORED, payload, model, event.by, f"Model {model.name} was restored.")
