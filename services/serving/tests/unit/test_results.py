"""Answers that are given again."""

import pytest
from fp_kernel.packing import pack
from fp_kernel.tensors import ElementType, Tensor
from fp_serving.domain.results import Results, fingerprint

_A, _B = "sha256:" + "a" * 64, "sha256:" + "b" * 64


def _tensor(*values: float, element: ElementType = ElementType.FLOAT32) -> Tensor:
    return pack(list(values), element, "x")


def _answer(count: int) -> dict[str, Tensor]:
    return {"y": _tensor(*[1.0] * count)}


def test_the_same_tensors_in_another_order_are_the_same_question() -> None:
    one, two = _tensor(1.0), _tensor(2.0)
    assert fingerprint(_A, {"x": one, "z": two}) == fingerprint(_A, {"z": two, "x": one})


@pytest.mark.parametrize(
    ("digest", "inputs"),
    [
        (_B, {"x": _tensor(1.0, 2.0)}),
        (_A, {"z": _tensor(1.0, 2.0)}),
        (_A, {"x": _tensor(2.0, 1.0)}),
        (_A, {"x": Tensor(ElementType.FLOAT32, (2, 1), _tensor(1.0, 2.0).data)}),
        (_A, {"x": Tensor(ElementType.INT32, (2,), _tensor(1.0, 2.0).data)}),
        (_A, {"x": _tensor(1.0, 2.0), "": _tensor(1.0)}),
        (_A, {"x": _tensor(1.0), "z": _tensor(2.0)}),
    ],
)
def test_another_model_name_value_shape_or_type_is_another_question(digest: str, inputs: dict[str, Tensor]) -> None:
    assert fingerprint(digest, inputs) != fingerprint(_A, {"x": _tensor(1.0, 2.0)})


def test_the_least_recently_given_go_and_the_bytes_stay_bounded() -> None:
    looked: list[bool] = []
    results = Results(3_500, looked=looked.append)
    for key in (b"1", b"2", b"3"):
        results.keep(key, _answer(1))
    assert results.find(b"1") == _answer(1)
    results.keep(b"4", _answer(1))
    assert results.find(b"2") is None
    assert [results.find(key) for key in (b"1", b"3", b"4")] == [_answer(1)] * 3
    assert looked == [True, False, True, True, True]
    assert results.bytes <= 3_500


def test_an_answer_larger_than_all_of_them_may_be_drives_nothing_out() -> None:
    results = Results(2_000)
    results.keep(b"1", _answer(1))
    results.keep(b"2", _answer(1_000))
    assert results.find(b"1") is not None
    assert results.find(b"2") is None


def test_what_is_kept_twice_is_counted_once() -> None:
    results = Results(10_000)
    results.keep(b"1", _answer(1))
    once = results.bytes
    results.keep(b"1", _answer(1))
    assert results.bytes == once
