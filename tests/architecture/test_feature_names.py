"""A feature has one name: in the events of predictions, and in the baselines that the registry accepts."""

import math

from fp_inference.domain.summary import features
from fp_kernel.features import MAX_FEATURES
from fp_kernel.signatures import Column, TensorSpec
from fp_kernel.signatures import Signature as Served
from fp_kernel.tensors import ElementType, Tensor
from fp_registry.domain.signature import Column as RegisteredColumn
from fp_registry.domain.signature import Signature as Registered
from fp_registry.domain.signature import Tensor as RegisteredTensor
from hypothesis import given
from hypothesis import strategies as st

shapes = st.lists(st.integers(1, 6), min_size=0, max_size=2)


@st.composite
def signatures(draw):
    """Tensors of any width, some with named columns along the last axis, some of which requests decide the length."""
    tensors = []
    for place in range(draw(st.integers(1, 4))):
        axes = draw(shapes)
        named = bool(axes) and draw(st.booleans())
        columns = [f"t{place}c{number}" for number in range(axes[-1])] if named else []
        declared = [-1 if draw(st.integers(0, 4)) == 0 else axis for axis in axes]
        scalar = not axes and draw(st.booleans())
        tensors.append((f"t{place}", [] if scalar else [1, *axes], [] if scalar else [-1, *declared], columns))
    return tensors


@given(signatures())
def test_what_predictions_tell_is_what_the_registry_accepts(tensors):
    served = Served(
        inputs=tuple(
            TensorSpec(name, ElementType.FLOAT32, tuple(declared), tuple(map(Column, columns)))
            for name, _, declared, columns in tensors
        )
    )
    asked = {
        name: Tensor(ElementType.FLOAT32, tuple(shape), b"\0" * 4 * math.prod(shape)) for name, shape, _, _ in tensors
    }
    registered = Registered(
        tuple(
            RegisteredTensor(name, typed=True, shape=tuple(declared), columns=tuple(map(RegisteredColumn, columns)))
            for name, _, declared, columns in tensors
        ),
        (),
    )
    seen = set(features(asked, served).numbers)
    assert all(registered.has_feature(name) for name in seen)
    if all(tensor.width is not None for tensor in registered.inputs):
        assert set(registered.features()) == seen
    assert len(seen) <= MAX_FEATURES
