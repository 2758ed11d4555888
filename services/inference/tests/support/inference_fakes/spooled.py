"""A prediction that was answered, as the spool records it."""

import struct
from datetime import UTC, datetime

from fp_inference.app.values import Ask, Caller, Completed, Prediction, Try
from fp_inference.domain.routes import Target
from fp_kernel import Command
from fp_kernel.bucket import Limit
from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType, Tensor

_AT = datetime(2013, 3, 1, 12, tzinfo=UTC)
_SIGNATURE = Signature((TensorSpec("x", ElementType.FLOAT32, (-1, 1), (Column("hour"),)),))


def completed(run: str, request: str) -> Completed:
    """run: the team. request: id of the request."""
    caller = Caller(run, "user", "", f"{run}/user", Limit(1.0, 1), may_pin=False)
    x = {"x": Tensor(ElementType.FLOAT32, (1, 1), struct.pack("<f", 0.5))}
    ask = Ask(request, caller, "delays", x, "", "", Command(run, "", "", b"", lambda _: b""), 0.0, _AT.date())
    target = Target("m", "id-1", "1", "host:1", 10_000, 1, _AT, signature=_SIGNATURE)
    return Completed(ask, target, Prediction(request, "1", x, 0.001), [Try(target, None, 0.001)], frozenset(), _AT)
