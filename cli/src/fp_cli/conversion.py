"""Models of scikit-learn, XGBoost and LightGBM as ONNX, on the machine of their maker (`fp-cli[convert]`; ADR 0217).

The platform itself unpickles nothing: a pickle runs whatever its writer put into it.
"""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from fp_kernel import FailedPrecondition, InvalidArgument, invalid
from fp_onnx.session import first_line

from fp_cli import conversion_check, csv_files, onnx_file

ONNX: Final = frozenset({".onnx"})
_PICKLES: Final = frozenset({".pkl", ".pickle", ".joblib"})
_XGBOOST: Final = frozenset({".json", ".ubj"})
_LIGHTGBM: Final = frozenset({".txt", ".lgb"})
_NEEDS: Final = "pip install 'fp-cli[convert]'"
# What the runtime and the converters both know.
OPSETS: Final[Mapping[str, int]] = {"": 17, "ai.onnx.ml": 3}
# The newest that onnxmltools writes.
_BOOSTERS_OPSET: Final = 15
_NEWEST_IR: Final = 8
_SAMPLE_ROWS: Final = 200
_SINGLE_INPUT: Final = "features"


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of a table as the model was trained on: they say which columns are texts. columns: values by name."""

    columns: Mapping[str, Sequence[Any]]

    @property
    def texts(self) -> frozenset[str]:
        return frozenset(name for name, values in self.columns.items() if isinstance(values[0], str))


@dataclass(frozen=True, slots=True)
class Converted:
    """columns: of its one input, empty when it has one for each. framework: of the model before."""

    content: bytes
    framework: str
    columns: Sequence[str] = ()


def onnx_of(file: Path, *, unpickle: bool, sample: Sample | None) -> Converted:
    """The file itself when it is ONNX, else the model in it, converted.

    unpickle: whether its owner says that a pickle is his. Raises InvalidArgument, FailedPrecondition.
    """
    suffix = file.suffix.lower()
    if suffix in _PICKLES:
        if not unpickle:
            raise invalid(
                "file", "is a pickle: reading it runs what is in it. Give --unpickle when you made it yourself"
            )
        model = _unpickled(file)
    elif suffix in _XGBOOST:
        model = _xgboost(file)
    elif suffix in _LIGHTGBM:
        model = _lightgbm(file)
    else:
        return Converted(onnx_file.artifact_of(file), "onnx")
    return _converted(model, sample)


def sample_of(file: Path) -> Sample:
    """The first rows of a CSV file with a header. Raises InvalidArgument."""
    with file.open(newline="", encoding="utf-8-sig") as text:
        try:
            rows = list(islice(csv_files.reader(text), _SAMPLE_ROWS + 1))
        except (csv.Error, UnicodeDecodeError) as error:
            raise invalid("sample", f"is no CSV file in UTF-8: {error}") from None
    if len(rows) < 2:  # noqa: PLR2004 -- a header and a row
        raise invalid("sample", "needs a header and a row")
    header = rows[0]
    odd = next((at for at, row in enumerate(rows, 1) if len(row) != len(header)), None)
    if odd is not None:
        raise invalid("sample", f"line {odd} has {len(rows[odd - 1])} values, the header {len(header)}")
    return Sample({name: _typed([row[at] for row in rows[1:]]) for at, name in enumerate(header)})


def _typed(values: Sequence[str]) -> Sequence[Any]:
    """As numbers when all of them are; an empty value is a missing number."""
    try:
        return [float(value) if value else math.nan for value in values]
    except ValueError:
        return list(values)


def _unpickled(file: Path) -> Any:
    try:
        import joblib
    except ImportError:
        raise FailedPrecondition(f"converting needs scikit-learn: {_NEEDS}") from None
    try:
        return joblib.load(file)
    except Exception as error:  # noqa: BLE001 -- a pickle may raise anything
        raise invalid("file", f"cannot be unpickled here: {type(error).__name__}: {error}") from None


def _xgboost(file: Path) -> Any:
    try:
        import xgboost
    except ImportError:
        raise FailedPrecondition(f"converting needs xgboost: {_NEEDS}") from None
    booster = xgboost.Booster()
    try:
        booster.load_model(file)
    except Exception as error:  # noqa: BLE001 -- of several kinds
        raise invalid("file", f"is no model of XGBoost: {first_line(error)}") from None
    return booster


def _lightgbm(file: Path) -> Any:
    try:
        import lightgbm
    except ImportError:
        raise FailedPrecondition(f"converting needs lightgbm: {_NEEDS}") from None
    try:
        return lightgbm.Booster(model_file=str(file))
    except Exception as error:  # noqa: BLE001 -- of several kinds
        raise invalid("file", f"is no model of LightGBM: {first_line(error)}") from None


def _converted(model: Any, sample: Sample | None) -> Converted:
    framework = type(model).__module__.partition(".")[0]
    columns = _columns(model, sample)
    try:
        found = _onnx(model, framework, columns, sample)
    except InvalidArgument:
        raise
    except ImportError as error:
        raise FailedPrecondition(f"converting needs {error.name}: {_NEEDS}") from None
    except Exception as error:  # noqa: BLE001 -- converters raise what they like
        raise FailedPrecondition(f"{type(model).__name__} cannot be converted: {first_line(error)}") from None
    content: bytes = found.SerializeToString()
    try:
        conversion_check.check(model, content, columns, sample.columns if sample is not None else None)
    except ImportError:
        raise FailedPrecondition(f"converting needs onnxruntime: {_NEEDS}") from None
    return Converted(content, framework, () if sample is not None else columns)


def _columns(model: Any, sample: Sample | None) -> list[str]:
    """Names of what the model takes, `f0`, `f1`, ... where it knows none. Raises InvalidArgument."""
    if hasattr(model, "feature_name"):  # LightGBM
        names = [str(name) for name in model.feature_name()]
    else:
        known = getattr(model, "feature_names_in_", getattr(model, "feature_names", None))
        count = getattr(model, "n_features_in_", None) or (
            model.num_features() if hasattr(model, "num_features") else 0
        )
        names = [f"f{at}" for at in range(int(count))] if known is None else [str(name) for name in known]
    if not names:
        raise invalid("file", f"holds a {type(model).__name__}, which does not say what it was trained on")
    missing = [name for name in names if sample is not None and name not in sample.columns]
    if missing:
        raise invalid("sample", f"lacks the column {missing[0]!r} that the model was trained on")
    return names


def _onnx(model: Any, framework: str, columns: Sequence[str], sample: Sample | None) -> Any:
    """One input of all columns, or with a sample one input a column."""
    if framework == "sklearn":
        return _framed(_scikit_learn(model, columns, sample))
    if framework not in {"xgboost", "lightgbm"}:
        raise invalid("file", f"holds a {type(model).__name__} of {framework}; only scikit-learn, XGBoost and LightGBM")
    import onnxmltools
    from onnxmltools.convert.common.data_types import FloatTensorType

    convert = onnxmltools.convert_xgboost if framework == "xgboost" else onnxmltools.convert_lightgbm
    packed = [(_SINGLE_INPUT, FloatTensorType([None, len(columns)]))]
    if framework == "xgboost":
        # The converter reads the number of a column from its name.
        booster = model.get_booster() if hasattr(model, "get_booster") else model
        booster.feature_names = [f"f{at}" for at in range(len(columns))]
    return _framed(convert(model, initial_types=packed, target_opset=_BOOSTERS_OPSET))


def _scikit_learn(model: Any, columns: Sequence[str], sample: Sample | None) -> Any:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types: list[tuple[str, Any]] = [(_SINGLE_INPUT, FloatTensorType([None, len(columns)]))]
    if sample is not None:
        texts = sample.texts
        types = [(name, (StringTensorType if name in texts else FloatTensorType)([None, 1])) for name in columns]
    return convert_sklearn(model, initial_types=types, target_opset=dict(OPSETS))


def _framed(model: Any) -> Any:
    """As a runtime of any age reads it, and as many rows of answers as were asked: LightGBM's label claims one."""
    model.ir_version = min(model.ir_version, _NEWEST_IR)
    for output in model.graph.output:
        if output.type.HasField("tensor_type") and output.type.tensor_type.shape.dim:
            output.type.tensor_type.shape.dim[0].dim_param = "rows"
    return model
