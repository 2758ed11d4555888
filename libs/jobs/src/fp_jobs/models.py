"""A version, or one made of versions, with ONNX Runtime in this process (`fp-jobs[backtest]`)."""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Final

from fp_kernel import FailedPrecondition, ensembles
from fp_kernel.tensors import ElementType, Tensor
from fp_onnx.session import opened

_STRING_LENGTH: Final = 4

Tensors = Mapping[str, Tensor]
Run = Callable[[Tensors], Tensors]


def members_of(artifact: bytes) -> Mapping[str, str]:
    """Of an ensemble, the versions whose artifacts it needs too: digest by id. Raises InvalidArgument."""
    steps = ensembles.read(artifact).steps if artifact.startswith(ensembles.FIRST) else ()
    return {step.version_id: step.digest for step in steps}


def runner(artifact: bytes, members: Mapping[str, bytes] = MappingProxyType({})) -> Run:
    """members: artifacts by the ids that `members_of` gave.

    Raises ImportError when onnxruntime is not there, FailedPrecondition when it does not load it or when a member is
    not what the ensemble was made of.
    """
    if not artifact.startswith(ensembles.FIRST):
        return _single(artifact)
    for version_id, digest in members_of(artifact).items():
        found = f"sha256:{hashlib.sha256(members[version_id]).hexdigest()}"
        if found != digest:
            raise FailedPrecondition(f"the artifact of version {version_id} is {found}, the ensemble names {digest}")
    runs = {version_id: _single(content) for version_id, content in members.items()}
    return partial(_composed, ensembles.read(artifact), runs)


def _composed(ensemble: ensembles.Ensemble, runs: Mapping[str, Run], inputs: Tensors) -> Tensors:
    """Step by step, as a runtime does it; what a step raises names the step."""
    known = {ensembles.Source("", name): tensor for name, tensor in inputs.items()}
    for step in ensemble.steps:
        given = {name: known[source] for name, source in step.inputs.items() if source in known}
        try:
            found = runs[step.version_id](given)
        except Exception as error:
            raise RuntimeError(f"{step}: {error}") from error
        known.update({ensembles.Source(step.name, name): tensor for name, tensor in found.items()})
    return {name: known[source] for name, source in ensemble.outputs.items() if source in known}


def _single(artifact: bytes) -> Run:
    import numpy as np  # noqa: PLC0415 -- who reads reports does without it

    session = opened(artifact)
    names = [each.name for each in session.get_outputs()]

    def run(inputs: Tensors) -> Tensors:
        given = {name: _array(np, tensor) for name, tensor in inputs.items()}
        return {name: _tensor(np, array) for name, array in zip(names, session.run(names, given), strict=True)}

    return run


def _array(np: Any, tensor: Tensor) -> Any:
    if tensor.element is ElementType.STRING:
        return np.array(tensor.strings(tensor.count), object).reshape(tensor.shape)
    return np.frombuffer(tensor.data, np.dtype(tensor.element.value).newbyteorder("<")).reshape(tensor.shape)


def _tensor(np: Any, array: Any) -> Tensor:
    """Raises ValueError for what is no tensor."""
    if not isinstance(array, np.ndarray):
        raise ValueError("an output is no tensor")  # noqa: TRY004 -- a value of the model
    if array.dtype.kind in "OU":
        texts = [str(text).encode() for text in array.reshape(-1)]
        data = b"".join(len(text).to_bytes(_STRING_LENGTH, "little") + text for text in texts)
        return Tensor(ElementType.STRING, array.shape, data)
    element = ElementType(array.dtype.name)
    return Tensor(element, array.shape, np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
