"""The prediction log for people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from pathlib import Path
from typing import Any

from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from forgepoint.monitor.v1 import prediction_log_pb2_grpc
from fp_kernel import Kind, invalid
from fp_kernel.tensors import ElementType, Tensor
from fp_rpc.tensors import ELEMENTS

from fp_cli.client import EVERYTHING
from fp_cli.failures import advising

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,2})?)%")
_SHOWN = 8
_LONGEST = 40


def stub(client: Any) -> Any:
    return prediction_log_pb2_grpc.PredictionLogServiceStub(client.channel)


def advised() -> AbstractContextManager[None]:
    return advising(
        Kind.NOT_FOUND, "`fp predictions logs` shows which models have a log; `fp predictions log MODEL` begins one"
    )


def names(client: Any) -> list[str]:
    """Of the models with a log."""
    found = client.pages(stub(client).ListPredictionLogs, pb.ListPredictionLogsRequest(), "logs", EVERYTHING)
    return [each.model_name for each in found]


def basis_points(share: str) -> int:
    """Of `5%`, `0.25%`. Raises InvalidArgument naming `sample`."""
    found = _SHARE.fullmatch(share.strip())
    if found is None or Decimal(found[1]) > 100:  # noqa: PLR2004 -- per cent
        raise invalid("sample", f"{share!r} is not a share such as 5% or 0.25%")
    return int(Decimal(found[1]) * 100)


def row(found: Any) -> Mapping[str, Any]:
    prediction = found.prediction
    return {
        "request_id": prediction.request_id,
        "answered_at": prediction.answered_at.ToJsonString(),
        "version": found.version,
        "rows": prediction.rows,
        "inputs": _short(prediction.inputs),
        "outputs": _short(prediction.outputs),
    }


def _short(tensors: Iterable[Any]) -> str:
    """The first values of each tensor; a column by its name."""
    return " ".join(f"{each.name}={_values(each)}" for each in tensors)


def _values(each: Any) -> str:
    tensor = Tensor(ELEMENTS[each.type], tuple(each.shape), each.data)
    count = min(tensor.count, _SHOWN)
    if tensor.element is ElementType.STRING:
        values = [repr(text) for text in tensor.texts(range(count), _LONGEST)]
    else:
        values = [f"{float(value):.6g}" for value in tensor.numbers(count)]
    named = zip(each.columns, values, strict=False) if each.columns else ()
    shown = [f"{name}:{value}" for name, value in named] or values
    return "[" + ",".join([*shown, *(["..."] if tensor.count > count else [])]) + "]"


def written(pieces: Iterable[Any], folder: Path) -> Iterator[tuple[Path, int]]:
    """The files of an export as they are complete, each with its number of predictions."""
    folder.mkdir(parents=True, exist_ok=True)
    number = 0
    draft = folder / ".predictions.draft"
    file = None
    try:
        for piece in pieces:
            if file is None:
                file = draft.open("wb")
            file.write(piece.data)
            if piece.last:
                file.close()
                file = None
                path = folder / f"predictions-{number:05}.parquet"
                draft.replace(path)
                number += 1
                yield path, piece.predictions
    finally:
        if file is not None:
            file.close()
            draft.unlink()
