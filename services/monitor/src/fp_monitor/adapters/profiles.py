"""Baseline profiles as the registry publishes them."""

from functools import lru_cache

from forgepoint.common.v1 import model_pb2

from fp_monitor.domain.baseline import LABEL, SCORE, Baseline, CategoryCells, Distribution, NumericCells


@lru_cache(maxsize=64)
def baseline_from(version: str, profile: bytes) -> Baseline:
    """Cached, because every batch of traffic needs it."""
    message = model_pb2.BaselineProfile.FromString(profile)
    return Baseline(
        version=version,
        features=tuple(_feature(feature) for feature in message.features if feature.WhichOneof("distribution")),
        answers=tuple(_answers(message.prediction)),
        labels=tuple(message.prediction.labels),
        metrics=dict(message.metrics),
    )


def _feature(message: model_pb2.FeatureBaseline) -> Distribution:
    if message.HasField("numeric"):
        cells: NumericCells | CategoryCells = NumericCells(tuple(message.numeric.edges))
        counts = (*message.numeric.counts, message.missing_count)
    else:
        known = message.categorical
        cells = CategoryCells(tuple(known.labels))
        counts = (*known.counts, known.other_count, message.missing_count)
    return Distribution(message.name, cells, counts, message.importance)


def _answers(message: model_pb2.PredictionBaseline) -> list[Distribution]:
    answers = []
    if message.HasField("scores"):
        answers.append(Distribution(SCORE, NumericCells(tuple(message.scores.edges)), (*message.scores.counts, 0)))
    if message.labels and len(message.label_counts) == len(message.labels):
        answers.append(Distribution(LABEL, CategoryCells(tuple(message.labels)), (*message.label_counts, 0, 0)))
    return answers
