"""The baseline profile of a version: the distributions against which drift is measured."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from fp_kernel import invalid

from fp_registry.domain.signature import MAX_NAME, Signature, check_distinct
from fp_registry.domain.text import check_label

MAX_BYTES = 256 * 1024
_NAMED = 5


@dataclass(frozen=True, slots=True)
class NumericBins:
    """Bin i holds edges[i-1] < x <= edges[i]; the first and the last are open."""

    edges: tuple[float, ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CategoryCounts:
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    other: int = 0


@dataclass(frozen=True, slots=True)
class FeatureBaseline:
    name: str
    distribution: NumericBins | CategoryCounts | None
    importance: float = 0.0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class PredictionBaseline:
    labels: CategoryCounts
    scores: NumericBins | None = None


@dataclass(frozen=True, slots=True)
class BaselineProfile:
    features: tuple[FeatureBaseline, ...]
    prediction: PredictionBaseline | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    samples: int = 0
    window: tuple[datetime | None, datetime | None] = (None, None)


def check_baseline(profile: BaselineProfile, path: str, signature: Signature | None) -> None:
    """Raises InvalidArgument naming the part that breaks a rule.

    signature: of the same version; a feature that it does not know could never be compared with what is served.
    """
    known = frozenset(signature.features()) if signature else frozenset()
    for index, feature in enumerate(profile.features):
        _check_feature(feature, f"{path}.features[{index}]")
        if signature is not None and feature.name not in known and not signature.has_feature(feature.name):
            raise invalid(
                f"{path}.features[{index}].name",
                f"{feature.name!r} is no feature of the signature; predictions have {_some(signature.features())}",
            )
    check_distinct((feature.name for feature in profile.features), f"{path}.features")
    if profile.prediction is not None:
        _check_categories(profile.prediction.labels, f"{path}.prediction", "label_counts")
        if profile.prediction.scores is not None:
            _check_bins(profile.prediction.scores, f"{path}.prediction.scores")
    for name, value in profile.metrics.items():
        check_label(name, f"{path}.metrics", MAX_NAME, required=True)
        if not math.isfinite(value):
            raise invalid(f"{path}.metrics[{name}]", "must be a finite number")
    _check_counts((profile.samples,), f"{path}.sample_count")
    start, end = profile.window
    if start is not None and end is not None and start > end:
        raise invalid(f"{path}.window_end", "must not be before window_start")


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")


def _check_feature(feature: FeatureBaseline, path: str) -> None:
    check_label(feature.name, f"{path}.name", MAX_NAME, required=True)
    match feature.distribution:
        case NumericBins():
            _check_bins(feature.distribution, f"{path}.numeric")
        case CategoryCounts():
            _check_categories(feature.distribution, f"{path}.categorical", "counts")
            _check_counts((feature.distribution.other,), f"{path}.categorical.other_count")
        case None:
            raise invalid(path, "must have a numeric or a categorical distribution")
    if not 0.0 <= feature.importance <= 1.0:
        raise invalid(f"{path}.importance", "must be from 0 to 1")
    _check_counts((feature.missing,), f"{path}.missing_count")


def _check_bins(bins: NumericBins, path: str) -> None:
    if not all(math.isfinite(edge) for edge in bins.edges):
        raise invalid(f"{path}.edges", "must be finite numbers")
    if any(left >= right for left, right in pairwise(bins.edges)):
        raise invalid(f"{path}.edges", "must grow, each edge greater than the one before")
    if len(bins.counts) != len(bins.edges) + 1:
        raise invalid(f"{path}.counts", f"must be one more than the {len(bins.edges)} edges, not {len(bins.counts)}")
    _check_counts(bins.counts, f"{path}.counts")


def _check_categories(categories: CategoryCounts, path: str, counts: str) -> None:
    if len(categories.counts) != len(categories.labels):
        raise invalid(f"{path}.{counts}", f"must be one for each of the {len(categories.labels)} labels")
    check_distinct(categories.labels, f"{path}.labels")
    _check_counts(categories.counts, f"{path}.{counts}")


def _check_counts(counts: Iterable[int], path: str) -> None:
    if any(count < 0 for count in counts):
        raise invalid(path, "must not be negative")
