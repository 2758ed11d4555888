"""Whether a converted model answers as the one that it was made of: converters take objectives and kinds of trees
that they do not know for others, and say nothing (ADR 0252).
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fp_kernel import FailedPrecondition
from fp_onnx.session import first_line, opened

_ROWS: Final = 16
_SCALES: Final = (0.01, 0.1, 1.0, 10.0, 100.0, 10_000.0)
# Models compute in float64 what ONNX computes in float32: single rows may fall on the other side of a threshold.
_ENOUGH: Final = 0.9
_CLOSE: Final = {"rtol": 1e-2, "atol": 1e-3}


def check(model: Any, content: bytes, columns: Sequence[str], table: Mapping[str, Sequence[Any]] | None) -> None:
    """table: rows as it was trained on, by column; without them numbers of all sizes are made up.

    Raises FailedPrecondition when most answers differ or there are none. Silent where the model does not take such
    rows, and for what neither predicts nor transforms.
    """
    try:
        rows, given = _rows(columns) if table is None else _of_table(columns, table)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wanted = _answers(model, rows)
    except Exception:  # noqa: BLE001 -- the user's model raises what it likes
        return
    session = opened(content)
    try:
        found = [_array(each) for each in session.run(None, given)]
    except Exception as error:  # noqa: BLE001 -- the runtime's own exceptions have no common base but this
        raise FailedPrecondition(
            f"{type(model).__name__} cannot be converted: what came of it does not run: {first_line(error)}"
        ) from None
    for name, answer in wanted.items():
        if not any(_same(each, answer) for each in found):
            raise FailedPrecondition(
                f"{type(model).__name__} cannot be converted: what the converter made of it gives other answers than "
                f"its own {name}; convert it yourself and register the ONNX file"
            )


def _rows(columns: Sequence[str]) -> tuple[Any, Mapping[str, Any]]:
    import numpy as np

    made = np.random.default_rng(0).normal(size=(len(_SCALES), _ROWS, len(columns)))
    rows = (made * np.array(_SCALES).reshape(-1, 1, 1)).reshape(-1, len(columns)).astype(np.float32)
    return rows, {"features": rows}


def _of_table(columns: Sequence[str], table: Mapping[str, Sequence[Any]]) -> tuple[Any, Mapping[str, Any]]:
    import numpy as np
    import pandas as pd

    texts = {name: isinstance(table[name][0], str) for name in columns}
    types = {name: object if texts[name] else np.float32 for name in columns}
    given = {name: np.array(table[name], types[name]).reshape(-1, 1) for name in columns}
    return pd.DataFrame({name: list(table[name]) for name in columns}), given


def _answers(model: Any, rows: Any) -> Mapping[str, Any]:
    """By the name of the method that gave them."""
    if type(model).__module__.startswith("xgboost") and hasattr(model, "num_boosted_rounds"):
        import xgboost

        return {"predict": model.predict(xgboost.DMatrix(rows, feature_names=model.feature_names))}
    for names in (("predict", "predict_proba"), ("transform",)):
        found = {name: getattr(model, name)(rows) for name in names if hasattr(model, name)}
        if found:
            return found
    return {}


def _array(value: Any) -> Any:
    """Maps from a class to its share are columns in the order of the classes."""
    import numpy as np

    if isinstance(value, list) and value and isinstance(value[0], dict):
        return np.array([[row[key] for key in sorted(row)] for row in value])
    return np.asarray(value)


def _same(found: Any, wanted: Any) -> bool:
    import numpy as np

    wanted = np.asarray(wanted.toarray() if hasattr(wanted, "toarray") else wanted)
    if len(found) != len(wanted):
        return False
    if wanted.ndim == 1 and found.ndim == 2 and found.shape[1] == 2:  # noqa: PLR2004 -- rows of two classes
        found = found[:, 1]
    if found.size != wanted.size:
        return False
    found, wanted = (each.reshape(len(each), -1) for each in (found, wanted))
    if wanted.dtype.kind in "fiub" and found.dtype.kind in "fiub":
        fits = np.isclose(found.astype(float), wanted.astype(float), equal_nan=True, **_CLOSE)
    else:
        fits = found.astype(str) == wanted.astype(str)
    return bool(fits.all(axis=1).mean() >= _ENOUGH)
