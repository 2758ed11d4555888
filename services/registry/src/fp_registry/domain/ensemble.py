"""A version made of versions: which of them are taken (ADR 0238)."""

from collections.abc import Mapping
from dataclasses import dataclass

from fp_kernel import invalid
from fp_kernel.ensembles import Ensemble, Step, derive
from fp_kernel.signatures import Signature
from fp_kernel.warm_ups import samples_of

from fp_registry.domain.stages import Status
from fp_registry.domain.version import Member, Version, is_served


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version of the team that a step names. signature: as it was declared."""

    version: Version
    model: str
    framework: str
    archived: bool
    signature: Signature


@dataclass(frozen=True, slots=True)
class Composition:
    """Of an ensemble that can be served."""

    members: tuple[Member, ...]
    signature: Signature


def compose(ensemble: Ensemble, candidates: Mapping[str, Candidate], declared: Signature) -> Composition:
    """candidates: by the id of the version. declared: by the maker of the ensemble; without tensors when he did not.

    Raises InvalidArgument naming the step, and the tensor where one is wrong.
    """
    chosen = {step.name: _chosen(step, candidates) for step in ensemble.steps}
    found = derive(ensemble, {name: each.signature for name, each in chosen.items()})
    if declared.inputs and _plain(declared) != _plain(found):
        raise invalid("signature", "declares other tensors than the steps take and give; leave it out")
    if ensemble.warm_up is not None:
        samples_of(ensemble.warm_up, found.inputs)
    members = tuple(_member(name, each) for name, each in chosen.items())
    return Composition(members, declared if declared.inputs else found)


def _chosen(step: Step, candidates: Mapping[str, Candidate]) -> Candidate:
    field, found = f"steps[{step.name}].version_id", candidates.get(step.version_id)
    if found is None:
        raise invalid(field, "is no version of the team")
    version = found.version
    if version.status is not Status.READY:
        raise invalid(field, f"is version {version.name} of {found.model}, which is {version.status}")
    if version.digest != step.digest:
        raise invalid(f"steps[{step.name}].digest", f"is not that of the version, which is {version.digest}")
    if not is_served(found.framework) or found.archived:
        why = "is archived" if found.archived else f"is of framework {found.framework!r} and not served"
        raise invalid(field, f"is of the model {found.model}, which {why}")
    if version.members:
        inner = ", ".join(f"{each.model} version {each.version}" for each in version.members)
        raise invalid(field, f"is an ensemble itself; name its steps instead: {inner}")
    if not found.signature.inputs or not found.signature.outputs:
        raise invalid(field, "was registered without a signature, so that nobody can say what fits it")
    return found


def _member(step: str, found: Candidate) -> Member:
    version = found.version
    return Member(
        step=step,
        model_id=version.model_id,
        model=found.model,
        version_id=version.id,
        version=version.name,
        digest=version.digest,
        size_bytes=version.size_bytes,
    )


def _plain(signature: Signature) -> object:
    """Names, types and shapes; columns have names that only their maker knows."""
    return [{spec.name: (spec.element, spec.shape) for spec in side} for side in (signature.inputs, signature.outputs)]
