"""Promotions, and what was counted of versions, as messages."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from forgepoint.pipeline.v1 import pipeline_pb2 as pb
from fp_kernel import invalid
from fp_rpc.times import to_timestamp

from fp_pipeline.domain.json_values import is_clean
from fp_pipeline.domain.promotion import Promotion
from fp_pipeline.domain.statistics import P99, Counts

_MAX_NAME: Final = 256
_MAX_REASON: Final = 500
_HOUR: Final = timedelta(hours=1)
_COUNTED: Final = timedelta(days=2)


def model(name: str) -> str:
    """Raises InvalidArgument."""
    if not 0 < len(name) <= _MAX_NAME or not is_clean(name):
        raise invalid("model_name", f"must be 1 to {_MAX_NAME} characters without NUL")
    return name


def version(name: str) -> str:
    """Raises InvalidArgument."""
    if not 0 < len(name) <= _MAX_NAME or not is_clean(name):
        raise invalid("version", f"must be 1 to {_MAX_NAME} characters without NUL")
    return name


def reason(text: str) -> str:
    """Raises InvalidArgument."""
    if len(text) > _MAX_REASON or not is_clean(text):
        raise invalid("reason", f"must be at most {_MAX_REASON} characters without NUL")
    return text


def last(request: pb.GetVersionStatisticsRequest) -> timedelta:
    """Raises InvalidArgument."""
    if not request.HasField("last"):
        return _HOUR
    seconds = request.last.seconds + request.last.nanos / 1e9
    if not 0 < seconds <= _COUNTED.total_seconds():
        raise invalid("last", "must be more than nothing and at most 2 days")
    return timedelta(seconds=seconds)


def statistics_to_pb(counted: Mapping[str, Counts]) -> pb.GetVersionStatisticsResponse:
    return pb.GetVersionStatisticsResponse(
        versions=[
            pb.VersionStatistics(
                version=version,
                requests=counts.samples,
                errors=counts.errors,
                error_rate=counts.error_rate,
                without_rows=counts.without_rows,
                p50_ms=counts.percentile_ms(0.5),
                p99_ms=counts.percentile_ms(P99),
            )
            for version, counts in sorted(counted.items())
            if counts.samples
        ]
    )


def promotion_to_pb(promotion: Promotion) -> pb.Promotion:
    objective = promotion.objective
    return pb.Promotion(
        model_name=promotion.model_name,
        version=promotion.version,
        version_id=promotion.version_id,
        execution_id=promotion.execution_id,
        state=pb.PromotionState.Value(f"PROMOTION_STATE_{promotion.state}"),
        goes_back_to=[
            pb.VersionShare(version=version, weight_bps=weight) for version, weight in sorted(promotion.before.items())
        ],
        promoted_at=to_timestamp(promotion.promoted_at),
        warm_until=to_timestamp(promotion.warm_until),
        promoted_by=promotion.actor,
        reason=promotion.reason,
        ended_by=promotion.ended_by,
        ended_at=to_timestamp(promotion.ended_at) if promotion.ended_at else None,
        max_error_increase=objective.max_error_increase,
        max_latency_ratio=objective.max_latency_ratio or 0.0,
        min_samples=objective.min_samples,
    )


def rolled_back_to_pb(promotion: Promotion) -> pb.RollbackPromotionResponse:
    return pb.RollbackPromotionResponse(promotion=promotion_to_pb(promotion))
