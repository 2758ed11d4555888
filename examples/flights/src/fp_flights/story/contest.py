"""What it was good for: both models on the same flights, those after the first promotion."""

import asyncio
import urllib.request
from dataclasses import dataclass

from forgepoint.registry.v1 import registry_pb2 as pb
from fp_jobs import trust
from fp_jobs.patience import patiently

from fp_flights import evaluate
from fp_flights.story.narrator import Narrator
from fp_flights.story.predictions import Predictions
from fp_flights.story.session import Session

_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Contest:
    """AUC of the first version, scored again by its artifact, and of what was served. flights: that landed."""

    flights: int
    first: float
    served: float


async def compare(
    session: Session, narrator: Narrator, predicted: Predictions, *, start: int, version_id: str
) -> Contest:
    """start: position of the first flight that counts. version_id: of the first version."""
    flights, scores = predicted.judged(start)
    artifact = await _artifact(session, version_id)
    first = await asyncio.to_thread(evaluate.scores, artifact, flights.features)
    contest = Contest(
        len(flights), evaluate.metrics(flights.late, first)["auc"], evaluate.metrics(flights.late, scores)["auc"]
    )
    narrator.say(
        f"{contest.flights} flights after the first promotion: the first version has AUC {contest.first:.3f}, "
        f"what was served {contest.served:.3f}"
    )
    return contest


async def _artifact(session: Session, version_id: str) -> bytes:
    request = pb.GetDownloadURLRequest(version_id=version_id)
    response = await patiently(lambda: session.registry.GetDownloadURL(request))
    return await asyncio.to_thread(_read, response.download_url, session.ca_file)


def _read(url: str, ca_file: str) -> bytes:
    context = trust.https(ca_file)
    with urllib.request.urlopen(url, timeout=_SECONDS, context=context) as response:  # noqa: S310 -- of the registry
        content: bytes = response.read()
    return content
