"""Signatures and baseline profiles of requests, for the domain's checks."""

from forgepoint.common.v1 import model_pb2
from fp_kernel import invalid
from fp_rpc.times import from_timestamp

from fp_registry.domain import baseline
from fp_registry.domain.signature import Column, Signature, Tensor

MAX_SIGNATURE_BYTES = 64 * 1024


def signature_of(message: model_pb2.Signature) -> Signature:
    """Raises InvalidArgument when it is too large."""
    if message.ByteSize() > MAX_SIGNATURE_BYTES:
        raise invalid("signature", f"at most {MAX_SIGNATURE_BYTES} bytes")
    return Signature(
        inputs=tuple(_tensor(tensor) for tensor in message.inputs),
        outputs=tuple(_tensor(tensor) for tensor in message.outputs),
    )


def baseline_of(message: model_pb2.BaselineProfile) -> baseline.BaselineProfile:
    """Raises InvalidArgument when it is too large."""
    if message.ByteSize() > baseline.MAX_BYTES:
        raise invalid("baseline_profile", f"has {message.ByteSize()} bytes, at most {baseline.MAX_BYTES} are allowed")
    return baseline.BaselineProfile(
        features=tuple(_feature(feature) for feature in message.features),
        prediction=_prediction(message.prediction) if message.HasField("prediction") else None,
        metrics=dict(message.metrics),
        samples=message.sample_count,
        window=(
            from_timestamp(message.window_start, "baseline_profile.window_start")
            if message.HasField("window_start")
            else None,
            from_timestamp(message.window_end, "baseline_profile.window_end")
            if message.HasField("window_end")
            else None,
        ),
    )


def _tensor(message: model_pb2.SignatureTensor) -> Tensor:
    return Tensor(
        name=message.name,
        typed=message.type in model_pb2.TensorType.values() and message.type != model_pb2.TENSOR_TYPE_UNSPECIFIED,
        shape=tuple(message.shape),
        columns=tuple(Column(column.name, tuple(column.categories)) for column in message.columns),
    )


def _feature(message: model_pb2.FeatureBaseline) -> baseline.FeatureBaseline:
    distribution: baseline.NumericBins | baseline.CategoryCounts | None = None
    if message.HasField("numeric"):
        distribution = _bins(message.numeric)
    elif message.HasField("categorical"):
        counts = message.categorical
        distribution = baseline.CategoryCounts(tuple(counts.labels), tuple(counts.counts), counts.other_count)
    return baseline.FeatureBaseline(message.name, distribution, message.importance, message.missing_count)


def _prediction(message: model_pb2.PredictionBaseline) -> baseline.PredictionBaseline:
    return baseline.PredictionBaseline(
        labels=baseline.CategoryCounts(tuple(message.labels), tuple(message.label_counts)),
        scores=_bins(message.scores) if message.HasField("scores") else None,
    )


def _bins(message: model_pb2.NumericBins) -> baseline.NumericBins:
    return baseline.NumericBins(tuple(message.edges), tuple(message.counts))
