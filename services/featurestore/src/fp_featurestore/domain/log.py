"""The three events of a view's log, and the view that they make."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from fp_featurestore.domain.features import Definition
from fp_featurestore.domain.instants import Instant
from fp_featurestore.domain.view import View, check_change, check_definition


@dataclass(frozen=True, slots=True)
class ViewDefined:
    """The definition as a whole, as it was from then on."""

    view_id: str
    version: int
    team: str
    at: Instant
    by: str
    definition: Definition


@dataclass(frozen=True, slots=True)
class FeaturesWritten:
    """count: rows of the call, all written under one version."""

    view_id: str
    version: int
    team: str
    at: Instant
    by: str
    count: int


@dataclass(frozen=True, slots=True)
class ViewDeleted:
    view_id: str
    version: int
    team: str
    at: Instant
    by: str


LogEvent = ViewDefined | FeaturesWritten | ViewDeleted


def define(view: View | None, definition: Definition, *, view_id: str, team: str, by: str, at: Instant) -> LogEvent:
    """The event that makes a view what the definition says. view: as it is now; None when there is none.

    Raises InvalidArgument naming the field, FailedPrecondition when the change would make written rows unreadable.
    """
    check_definition(definition)
    if view is None:
        return ViewDefined(view_id, 1, team, at, by, definition)
    check_change(view, definition)
    # A definition is later than the one before it, so that its time is a revision.
    return ViewDefined(view.id, view.version + 1, view.team, max(at, view.updated_at + 1), by, definition)


def evolve(view: View | None, event: LogEvent) -> View:
    """The view after the event. Raises ValueError when the log has a gap or does not begin with a definition."""
    if event.version != (view.version if view else 0) + 1:
        raise ValueError(f"view {event.view_id}: event {event.version} does not follow")
    if view is None:
        if not isinstance(event, ViewDefined):
            raise ValueError(f"view {event.view_id}: its log does not begin with its definition")
        return _first(event)
    seen = replace(view, version=event.version, recorded_at=event.at)
    match event:
        case ViewDefined():
            return _changed(seen, event)
        case ViewDeleted():
            return replace(seen, deleted_at=event.at)
        case FeaturesWritten():
            return seen


def replay(events: Iterable[LogEvent]) -> View | None:
    """What the whole log makes of a view."""
    view = None
    for event in events:
        view = evolve(view, event)
    return view


def remade(changes: Iterable[ViewDefined | ViewDeleted], *, version: int, at: Instant) -> View | None:
    """What `replay` gives, from the events that change more than the version. version, at: of the log's last event."""
    view = None
    for event in changes:
        view = evolve(replace(view, version=event.version - 1) if view else None, event)
    return replace(view, version=version, recorded_at=at) if view else None


def _first(event: ViewDefined) -> View:
    given = event.definition
    return View(
        id=event.view_id,
        team=event.team,
        name=given.name,
        description=given.description,
        entity=given.entity,
        schemas=(given.features,),
        online_ttl=given.online_ttl,
        retention=given.retention,
        owner_id=event.by,
        created_at=event.at,
        updated_at=event.at,
        version=event.version,
        recorded_at=event.at,
    )


def _changed(view: View, event: ViewDefined) -> View:
    given = event.definition
    schemas = view.schemas if given.features == view.features else (*view.schemas, given.features)
    return replace(
        view,
        description=given.description,
        entity=given.entity,
        schemas=schemas,
        online_ttl=given.online_ttl,
        retention=given.retention,
        updated_at=event.at,
    )
