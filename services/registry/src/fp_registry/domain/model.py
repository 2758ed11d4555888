"""A model: the name under which a team stores versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from fp_kernel import FailedPrecondition, invalid, is_id, new_id

from fp_registry.domain import text


@dataclass(frozen=True, slots=True)
class NewModel:
    """What a caller says of a model; see `register`."""

    name: str
    description: str = ""
    framework: str = ""
    task_type: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """The root of its versions: every change of one of them is a change of the model.

    revision: grows by one with every change; a version carries the revision of its own last change.
    versions: how many there are, which is the ordinal of the newest.
    next_number: the name of the next version that gets none from its maker.
    production_version, latest_version: names, for readers; empty when there is none.
    """

    id: str
    team: str
    name: str
    description: str
    owner_id: str
    framework: str
    task_type: str
    tags: Mapping[str, str]
    created_at: datetime
    updated_at: datetime
    archived_at: datetime | None = None
    revision: int = 1
    versions: int = 0
    next_number: int = 1
    production_version: str = ""
    latest_version: str = ""

    @property
    def archived(self) -> bool:
        return self.archived_at is not None

    def check_active(self) -> None:
        """Raises FailedPrecondition when the model is archived."""
        if self.archived:
            raise FailedPrecondition(f"model {self.name} is archived", reason="MODEL_ARCHIVED")

    def changed(self, now: datetime) -> "Model":
        return replace(self, revision=self.revision + 1, updated_at=max(now, self.updated_at))


def register(new: NewModel, *, team: str, owner_id: str, now: datetime) -> Model:
    """A model of the team at its first revision.

    Raises InvalidArgument naming the field that breaks a rule of `text`.
    """
    text.check_model_name(new.name, "name")
    if is_id(new.name):
        raise invalid("name", "must not look like an id: nobody could say which of the two was meant")
    text.check_description(new.description, "description")
    text.check_label(new.framework, "framework")
    text.check_label(new.task_type, "task_type")
    text.check_tags(new.tags, "tags")
    return Model(
        id=new_id(),
        team=team,
        name=new.name,
        description=new.description,
        owner_id=owner_id,
        framework=new.framework,
        task_type=new.task_type,
        tags=dict(new.tags),
        created_at=now,
        updated_at=now,
    )


@dataclass(frozen=True, slots=True)
class ModelUpdate:
    """None leaves a field as it is; tags are replaced as a whole."""

    description: str | None = None
    tags: Mapping[str, str] | None = None


def update(model: Model, changes: ModelUpdate, now: datetime) -> Model:
    """The model with the changes; itself when they change nothing.

    Raises FailedPrecondition when it is archived, InvalidArgument naming the field.
    """
    model.check_active()
    description = model.description if changes.description is None else changes.description
    tags = model.tags if changes.tags is None else dict(changes.tags)
    text.check_description(description, "description")
    text.check_tags(tags, "tags")
    if description == model.description and tags == model.tags:
        return model
    return replace(model.changed(now), description=description, tags=tags)
