"""A request is compared with what the model takes."""

import pytest
from fp_kernel import InvalidArgument
from fp_kernel.signatures import MAX_INPUTS, TensorSpec
from fp_kernel.tensors import ElementType, Tensor
from fp_serving.domain.schema import Schema

_F = ElementType.FLOAT32
_SCHEMA = Schema(
    inputs=(TensorSpec("features", _F, (-1, 3)), TensorSpec("carrier", ElementType.STRING, (-1, 1))),
    outputs=(TensorSpec("score", _F, (-1,)),),
)
_FEATURES = Tensor(_F, (2, 3), b"\0" * 24)
_CARRIER = Tensor(ElementType.STRING, (2, 1), b"\0" * 8)
_GOOD = {"features": _FEATURES, "carrier": _CARRIER}


def test_a_fitting_request_passes_and_its_rows_are_counted() -> None:
    _SCHEMA.check(_GOOD)
    assert _SCHEMA.rows(_GOOD) == 2


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ({"features": _FEATURES}, "inputs[carrier]"),
        ({**_GOOD, "other": _FEATURES}, "inputs[other]"),
        ({**_GOOD, "features": Tensor(ElementType.FLOAT64, (2, 3), b"\0" * 48)}, "inputs[features].dtype"),
        ({**_GOOD, "features": Tensor(_F, (6,), b"\0" * 24)}, "inputs[features].shape"),
        ({**_GOOD, "features": Tensor(_F, (2, 4), b"\0" * 32)}, "inputs[features].shape"),
        ({f"x{number}": _FEATURES for number in range(MAX_INPUTS + 1)}, "inputs"),
    ],
)
def test_a_request_that_does_not_fit_names_the_field(inputs: dict[str, Tensor], field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        _SCHEMA.check(inputs)
    assert caught.value.fields[0].field == field


def test_inputs_that_disagree_on_rows_are_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        _SCHEMA.rows({**_GOOD, "carrier": Tensor(ElementType.STRING, (3, 1), b"\0" * 12)})
    assert caught.value.fields[0].field == "inputs[carrier].shape"


@pytest.mark.parametrize(
    ("inputs", "outputs", "shares"),
    [((-1, 3), (-1, 2), True), ((1, 3), (-1, 2), False), ((-1, 3), (2,), False), ((), (-1,), False)],
)
def test_only_a_model_with_a_row_axis_everywhere_shares_runs(
    inputs: tuple[int, ...], outputs: tuple[int, ...], *, shares: bool
) -> None:
    schema = Schema((TensorSpec("a", _F, inputs),), (TensorSpec("b", _F, outputs),))
    assert schema.has_row_axis is shares
