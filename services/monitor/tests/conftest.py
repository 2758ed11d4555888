"""A small model, its promotion, its traffic and its labels, as the events tell them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from forgepoint.common.v1 import model_pb2
from forgepoint.events.v1 import events_pb2
from fp_events import Event
from fp_kernel import new_id
from fp_testkit.wallclock import real_now

MODEL, TEAM, MODEL_ID = "delays", "alpha", "018f0000-0000-7000-8000-0000000000aa"
START = real_now() - timedelta(days=2)


def profile(**metrics: float) -> model_pb2.BaselineProfile:
    """Hours uniform over four bins, two carriers alike, scores uniform."""
    even = model_pb2.NumericBins(edges=[0.25, 0.5, 0.75], counts=[2_500] * 4)
    carriers = model_pb2.CategoryCounts(labels=["UA", "DL"], counts=[5_000, 5_000])
    return model_pb2.BaselineProfile(
        features=[
            model_pb2.FeatureBaseline(name="hour", numeric=even),
            model_pb2.FeatureBaseline(name="carrier", categorical=carriers),
        ],
        prediction=model_pb2.PredictionBaseline(labels=["on_time", "late"], label_counts=[5_000, 5_000], scores=even),
        metrics=metrics or {"auc": 0.8, "log_loss": 0.5},
        sample_count=10_000,
    )


class Story:
    """Events in order. Everything is drawn from one generator, so that a run is every run."""

    model_id = MODEL_ID

    def __init__(self) -> None:
        self.random = np.random.default_rng(20)
        self.sequence = 0
        self.predictions = 0

    def promoted(self, version: str = "1", baseline: model_pb2.BaselineProfile | None = None) -> Event:
        self.sequence += 1
        payload = events_pb2.ModelPromoted(
            model_id=MODEL_ID, model_name=MODEL, version=version, to_stage=events_pb2.MODEL_STAGE_PRODUCTION
        )
        payload.baseline_profile.CopyFrom(baseline or profile())
        payload.promoted_at.FromDatetime(START + timedelta(seconds=self.sequence))
        return Event(
            "fp.models.promoted", payload, TEAM, MODEL_ID, "Promoted.", source="registry", sequence=self.sequence
        )

    def completed(self, count: int, *, version: str = "1", shift: float = 0.0, skill: float = 0.0) -> list[Event]:
        """shift: added to the hour. skill: how much the score knows of `truth`."""
        return [self._completed(version, shift, skill) for _ in range(count)]

    @staticmethod
    def truth_of(events: Sequence[Event]) -> dict[str, str]:
        """What happened, by request id."""
        payloads: list[Any] = [event.payload for event in events]
        return {each.request_id: "late" if each.request_id.startswith("late") else "on_time" for each in payloads}

    def _completed(self, version: str, shift: float, skill: float) -> Event:
        self.predictions += 1
        late = self.random.random() < 0.5
        score = float(np.clip(self.random.random() * (1 - skill) + skill * late, 0, 1))
        payload = events_pb2.InferenceCompleted(
            request_id=f"{'late' if late else 'time'}-{self.predictions}",
            model_id=MODEL_ID,
            model_name=MODEL,
            version=version,
            prediction_summary=events_pb2.PredictionSummary(
                top_label=str(int(score > 0.5)), top_score=max(score, 1 - score), output_stats={"score": score}
            ),
            feature_summary=events_pb2.FeatureSummary(
                feature_values={"hour": self.random.random() + shift},
                categorical_values={"carrier": "UA" if self.random.random() < 0.5 else "DL"},
            ),
        )
        payload.completed_at.FromDatetime(START + timedelta(minutes=self.predictions))
        return Event("fp.inference.completed", payload, TEAM, MODEL_ID, "Answered.", source="inference", id=new_id())


@pytest.fixture
def story() -> Story:
    return Story()
