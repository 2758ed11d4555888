"""Domain events as messages of the bus."""

from forgepoint.events.v1 import events_pb2
from fp_events import Event

from fp_featurestore.domain.events import DefinedView, DomainEvent, WrittenFeatures
from fp_featurestore.domain.instants import moment

VIEW_DEFINED = "fp.features.view.defined"
WRITTEN = "fp.features.written"

# A backfill of millions of rows must not fill the stream with ids that nobody reads.
_MOST_ENTITIES = 100


def to_event(event: DomainEvent) -> Event:
    """The resource of both is the view."""
    match event:
        case DefinedView():
            return _defined(event)
        case WrittenFeatures():
            return _written(event)


def _defined(event: DefinedView) -> Event:
    view = event.view
    payload = events_pb2.FeatureViewDefined(
        feature_view_id=view.id,
        feature_view_name=view.name,
        schema_version=view.schema_version,
        owner_team=view.team,
    )
    payload.defined_at.FromDatetime(moment(event.at))
    summary = f"Feature view {view.name} was defined with {len(view.features)} features."
    return Event(VIEW_DEFINED, payload, team=view.team, resource_id=view.id, summary=summary, actor=event.by)


def _written(event: WrittenFeatures) -> Event:
    view = event.view
    payload = events_pb2.FeaturesWritten(
        feature_view_id=view.id,
        feature_view_name=view.name,
        entity_ids=event.entity_ids[:_MOST_ENTITIES],
        written_count=len(event.entity_ids),
        written_through_version=view.version,
    )
    payload.written_at.FromDatetime(moment(event.at))
    summary = f"{len(event.entity_ids)} rows were written to feature view {view.name}."
    return Event(WRITTEN, payload, team=view.team, resource_id=view.id, summary=summary, actor=event.by)
