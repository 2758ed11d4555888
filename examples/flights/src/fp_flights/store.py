"""Flights into the feature store, through the public API."""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_jobs.patience import patiently

from fp_flights import views
from fp_flights.flights import Flights
from fp_flights.views import FLIGHTS, OUTCOMES

__all__ = ["FLIGHTS", "OUTCOMES", "Views", "define", "write_flights", "write_outcomes"]

# As many as one call may carry.
BATCH = 1_000


class HasFeatures(Protocol):
    """Whatever has a stub of the feature store; setting `available_at` takes an administrator."""

    @property
    def features(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Views:
    """Ids of the two views."""

    flights: str
    outcomes: str


async def define(session: HasFeatures) -> Views:
    """Both views; those that are there already stay as they are."""
    defined = []
    for request in (views.flights(), views.outcomes()):
        response = await patiently(lambda request=request: session.features.DefineFeatureView(request))  # type: ignore[misc]
        defined.append(str(response.feature_view.id))
    return Views(*defined)


async def write_flights(session: HasFeatures, to: Views, flights: Flights) -> int:
    """Features of any number of flights, known since their scheduled departure; answers how many rows were written."""
    for start in range(0, len(flights), BATCH):
        rows = views.feature_rows(flights.where(slice(start, start + BATCH)))
        await _write(session, to.flights, rows)
    return len(flights)


async def write_outcomes(session: HasFeatures, to: Views, flights: Flights) -> int:
    """Outcomes of those of the flights that landed, known since their arrival; answers how many rows were written."""
    landed = flights.where(flights.order_of_arrival())
    for start in range(0, len(landed), BATCH):
        rows = views.outcome_rows(landed.where(slice(start, start + BATCH)))
        await _write(session, to.outcomes, rows)
    return len(landed)


async def _write(session: HasFeatures, view_id: str, rows: list[pb.FeatureValues]) -> None:
    request = pb.WriteFeaturesRequest(feature_view_id=view_id, features=rows)
    # The content is the key: the same rows are written once, also by a story that runs twice.
    request.idempotency_key = hashlib.sha256(request.SerializeToString(deterministic=True)).hexdigest()
    await patiently(lambda: session.features.WriteFeatures(request))
