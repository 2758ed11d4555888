"""A version made of versions: which ones, and what of one goes into another (ADR 0238). The artifact of such a version
is a document of JSON; everybody who reads one reads it here.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fp_kernel.errors import invalid
from fp_kernel.ids import parse_id
from fp_kernel.signatures import DYNAMIC, MAX_INPUTS, Signature, TensorSpec
from fp_kernel.warm_ups import MOST_BYTES as _MOST_WARM_UP

MOST_STEPS: Final = 16
"""Also how deep one may be, since a step runs once."""
MOST_BYTES: Final = 64 * 1024 + _MOST_WARM_UP
FIRST: Final = b"{"
"""With what the document begins, and neither an ONNX file nor a bundle does."""
_KIND: Final = "ensemble"
_FORMAT: Final = 1
_INPUTS: Final = "inputs"
_STEP: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Source:
    """A tensor: an output of a step, or without one an input of the ensemble."""

    step: str
    tensor: str

    def __str__(self) -> str:
        return f"{self.step or _INPUTS}.{self.tensor}"


@dataclass(frozen=True, slots=True)
class Step:
    """A run of a version. inputs: where each of its inputs comes from. model, version: what people call it."""

    name: str
    version_id: str
    digest: str
    inputs: Mapping[str, Source]
    model: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"step {self.name} ({self.model} {self.version})" if self.model else f"step {self.name}"


@dataclass(frozen=True, slots=True)
class Ensemble:
    """steps: each behind those that it needs. warm_up: samples as they were written, for `warm_ups.samples_of`."""

    steps: tuple[Step, ...]
    outputs: Mapping[str, Source]
    warm_up: Any = None

    @property
    def levels(self) -> tuple[tuple[Step, ...], ...]:
        """Steps that may run at the same time, each level behind those that it needs."""
        depth: dict[str, int] = {}
        for step in self.steps:
            depth[step.name] = 1 + max(
                (depth[source.step] for source in step.inputs.values() if source.step), default=0
            )
        return tuple(
            tuple(step for step in self.steps if depth[step.name] == level)
            for level in range(1, max(depth.values()) + 1)
        )


def write(ensemble: Ensemble) -> bytes:
    """The document; equal ensembles give equal bytes."""
    steps = [
        {
            "name": step.name,
            "model": step.model,
            "version": step.version,
            "version_id": step.version_id,
            "digest": step.digest,
            "inputs": {name: str(source) for name, source in sorted(step.inputs.items())},
        }
        for step in ensemble.steps
    ]
    document: dict[str, Any] = {
        "kind": _KIND,
        "format": _FORMAT,
        "steps": steps,
        "outputs": {name: str(source) for name, source in ensemble.outputs.items()},
    }
    if ensemble.warm_up is not None:
        document["warm_up"] = ensemble.warm_up
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def read(content: bytes) -> Ensemble:
    """Raises InvalidArgument naming what breaks a rule."""
    if len(content) > MOST_BYTES:
        raise invalid(_KIND, f"has {len(content)} bytes, at most {MOST_BYTES} are read")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise invalid(_KIND, "is no JSON") from None
    known = {"kind", "format", "steps", "outputs", "warm_up"}
    _object(document, _KIND, known, required=known - {"warm_up"})
    if document["kind"] != _KIND or document["format"] != _FORMAT:
        raise invalid("format", f"must be {_FORMAT}, of kind {_KIND}")
    if not isinstance(document["steps"], list):
        raise invalid("steps", "must be a list")
    steps = [_step(each, f"steps[{place}]") for place, each in enumerate(document["steps"][: MOST_STEPS + 1])]
    return ordered(steps, sources_of(document["outputs"], "outputs"), document.get("warm_up"))


def sources_of(document: Any, field: str) -> Mapping[str, Source]:
    """Of an object of texts `STEP.TENSOR` or `inputs.TENSOR`. Raises InvalidArgument naming the field."""
    if not isinstance(document, dict) or not 0 < len(document) <= MAX_INPUTS:
        raise invalid(field, f"must be an object of 1 to {MAX_INPUTS} tensors")
    found = {}
    for name, text in document.items():
        step, dot, tensor = text.partition(".") if isinstance(text, str) else ("", "", "")
        if not (dot and tensor and step) or not name or len(name) > _LONGEST or len(text) > 2 * _LONGEST:
            raise invalid(f"{field}[{name[:_LONGEST]}]", "must be STEP.TENSOR, or inputs.TENSOR")
        found[name] = Source("" if step == _INPUTS else step, tensor)
    return found


def ordered(steps: Sequence[Step], outputs: Mapping[str, Source], warm_up: Any = None) -> Ensemble:
    """Raises InvalidArgument for names that are not there or there twice, a circle, a step that nobody needs."""
    if not 0 < len(steps) <= MOST_STEPS:
        raise invalid("steps", f"must be 1 to {MOST_STEPS}")
    names = {step.name for step in steps}
    strange = [name for name in names if not _STEP.fullmatch(name) or name == _INPUTS]
    if strange:
        raise invalid("steps", f"{strange[0][:_LONGEST]!r} is no name of a step: small letters, digits, - and _")
    if len(names) < len(steps):
        raise invalid("steps", "a name is there twice")
    asked = [(_input(step, name), each) for step in steps for name, each in step.inputs.items()]
    asked += [(f"outputs[{name}]", each) for name, each in outputs.items()]
    for field, source in asked:
        if source.step and source.step not in names:
            raise invalid(field, f"comes from {source.step}, which is no step")
    needed = {source.step for _, source in asked}
    unused = [step.name for step in steps if step.name not in needed]
    if unused:
        raise invalid(f"steps[{unused[0]}]", "gives nothing that anybody takes")
    return Ensemble(tuple(_in_order(steps)), outputs, warm_up)


def derive(ensemble: Ensemble, members: Mapping[str, Signature]) -> Signature:
    """What the ensemble takes and gives. members: by the name of the step.

    Raises InvalidArgument naming the tensor that is missing, or does not fit what it is given to.
    """
    taken: dict[str, TensorSpec] = {}
    for step in ensemble.steps:
        _check_names(step, members[step.name])
        for spec in members[step.name].inputs:
            _take(spec, step, members, taken)
    if not 0 < len(taken) <= MAX_INPUTS:
        raise invalid(_INPUTS, f"the steps take {len(taken)} tensors of the caller, 1 to {MAX_INPUTS} are served")
    outputs = (_answer(name, source, members, taken) for name, source in ensemble.outputs.items())
    return Signature(tuple(taken.values()), tuple(outputs))


def _check_names(step: Step, member: Signature) -> None:
    known = sorted(spec.name for spec in member.inputs)
    for name in step.inputs:
        if name not in known:
            raise invalid(_input(step, name), f"is not an input of {step}; it takes {', '.join(known)}")


def _take(spec: TensorSpec, step: Step, members: Mapping[str, Signature], taken: dict[str, TensorSpec]) -> None:
    """Compare an input of a step with what it is given; what the caller gives is added to `taken`."""
    field, source = _input(step, spec.name), step.inputs.get(spec.name)
    if source is None:
        if not spec.optional:
            raise invalid(field, "is missing")
    elif source.step:
        _check_fit(_given(members, source, field), spec, field)
    else:
        known = taken.get(source.tensor, replace(spec, name=source.tensor))
        taken[source.tensor] = _both(known, spec, field)


def _answer(name: str, source: Source, members: Mapping[str, Signature], taken: Mapping[str, TensorSpec]) -> TensorSpec:
    field = f"outputs[{name}]"
    if source.step:
        return replace(_given(members, source, field), name=name)
    if source.tensor not in taken:
        raise invalid(field, f"comes from {source}, which no step takes")
    return replace(taken[source.tensor], name=name, optional=False)


def _input(step: Step, name: str) -> str:
    return f"steps[{step.name}].inputs[{name}]"


def _step(document: Any, field: str) -> Step:
    known = {"name", "model", "version", "version_id", "digest", "inputs"}
    _object(document, field, known, required={"name", "version_id", "digest", "inputs"})
    texts = {key: document.get(key, "") for key in known - {"inputs"}}
    for key, text in texts.items():
        if not isinstance(text, str) or len(text) > _LONGEST:
            raise invalid(f"{field}.{key}", f"must be a text of at most {_LONGEST} characters")
    if not _DIGEST.fullmatch(texts["digest"]):
        raise invalid(f"{field}.digest", "must be sha256: and 64 hexadecimal digits")
    version_id = parse_id(texts["version_id"], f"{field}.version_id")
    inputs = sources_of(document["inputs"], f"{field}.inputs")
    return Step(texts["name"], version_id, texts["digest"], inputs, texts["model"], texts["version"])


def _object(document: Any, field: str, known: set[str], *, required: set[str]) -> None:
    if not isinstance(document, dict):
        raise invalid(field, "must be an object")
    missing = sorted(required - document.keys())
    if missing:
        raise invalid(f"{field}.{missing[0]}", "is missing")
    strange = sorted(document.keys() - known)
    if strange:
        raise invalid(f"{field}.{strange[0][:_LONGEST]}", f"is not known; there are {', '.join(sorted(known))}")


def _in_order(steps: Sequence[Step]) -> Iterable[Step]:
    """As they are written where nothing is against it. Raises InvalidArgument for a circle."""
    waiting, done = list(steps), {""}
    while waiting:
        step = next((each for each in waiting if {source.step for source in each.inputs.values()} <= done), None)
        if step is None:
            names = ", ".join(each.name for each in waiting)
            raise invalid("steps", f"{names} wait for each other")
        waiting.remove(step)
        done.add(step.name)
        yield step


def _given(members: Mapping[str, Signature], source: Source, field: str) -> TensorSpec:
    found = members[source.step].output(source.tensor)
    if found is None:
        names = ", ".join(sorted(spec.name for spec in members[source.step].outputs))
        raise invalid(field, f"comes from {source}, which is not an output; there are {names}")
    return found


def _check_fit(given: TensorSpec, wanted: TensorSpec, field: str) -> None:
    """An output without axes may be one of which the file says nothing: the runtime checks each."""
    if given.element is not wanted.element:
        raise invalid(field, f"takes {wanted.element}, is given {given.element}")
    if given.shape and not _fits(given.shape, wanted.shape):
        raise invalid(field, f"takes the shape {list(wanted.shape)}, is given {list(given.shape)}")


def _both(known: TensorSpec, spec: TensorSpec, field: str) -> TensorSpec:
    """One input of the ensemble for two inputs of steps."""
    if known.element is not spec.element:
        raise invalid(field, f"takes {spec.element} where another step takes {known.element} of the same tensor")
    if len(known.shape) != len(spec.shape) or not _fits(known.shape, spec.shape):
        raise invalid(field, f"takes the shape {list(spec.shape)} where another step takes {list(known.shape)}")
    if known.columns and spec.columns and known.columns != spec.columns:
        raise invalid(field, "has other columns than another step takes of the same tensor")
    shape = tuple(max(one, two) for one, two in zip(known.shape, spec.shape, strict=True))
    return replace(known, shape=shape, columns=known.columns or spec.columns, optional=known.optional and spec.optional)


def _fits(given: Sequence[int], wanted: Sequence[int]) -> bool:
    return len(given) == len(wanted) and all(
        DYNAMIC in (one, two) or one == two for one, two in zip(given, wanted, strict=True)
    )
