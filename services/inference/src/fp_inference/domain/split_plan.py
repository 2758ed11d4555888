"""A split as a caller asks for it: checked against the route, as shares of its versions."""

import re
from collections.abc import Sequence

from fp_kernel import Error, FailedPrecondition, FieldViolation, invalid

from fp_inference.domain.routes import Route, Target
from fp_inference.domain.shares import Share
from fp_inference.domain.split import FULL

VERSION_NOT_ACTIVE = "VERSION_NOT_ACTIVE"
VERSION_NOT_READY = "VERSION_NOT_READY"
NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
NAMED = "must be 1 to 64 of letters, digits, dot, hyphen and underscore"


def plan_split(route: Route, weights: Sequence[tuple[str, int]], path: str = "weights") -> tuple[Share, ...]:
    """The shares for these version labels and basis points; versions that are not named get nothing.

    path: of the field that has them. Raises InvalidArgument naming it, FailedPrecondition naming `<path>[i].version`
    for one that is not active.
    """
    _check_weights(weights, path)
    shares = []
    for index, (version, weight) in enumerate(weights):
        target = next((each for each in route.candidates if each.version == version), None)
        if target is None:
            raise unknown_version(f"{path}[{index}].version", version)
        shares.append(Share(target.version_id, target.sequence, weight))
    return tuple(shares)


def newcomers(route: Route, shares: Sequence[Share]) -> Sequence[Target]:
    """Targets that these shares give traffic to and that the present split does not name."""
    return _new(route, shares, route.split.shares if route.split is not None else ())


def unproven(route: Route, shares: Sequence[Share]) -> Sequence[Target]:
    """Targets that these shares give traffic to and that nothing names that holds now."""
    return _new(route, shares, route.named)


def _new(route: Route, shares: Sequence[Share], present: Sequence[Share]) -> Sequence[Target]:
    # The newest of a version: each may name it.
    named = {each.version_id: each.since for each in sorted(present, key=lambda each: each.since)}
    targets = {share.version_id: route.targets[share.version_id] for share in shares if share.weight_bps}
    # A share from before the version was undeployed says nothing of its new runtime.
    return [target for target in targets.values() if named.get(target.version_id, 0) <= target.removed]


def planned_salt(route: Route, shares: Sequence[Share], wanted: str) -> str:
    """What is wanted, else that of the present split while it goes on; a version that is new begins another experiment.

    Raises InvalidArgument.
    """
    if wanted and not NAME.fullmatch(wanted):
        raise invalid("salt", NAMED)
    if wanted or route.split is None or newcomers(route, shares):
        return wanted
    return route.split.salt


def unknown_version(field_path: str, version: str) -> Error:
    """A version that takes no traffic; it may do so in a moment, when its deployment is known here."""
    text = f"version {version!r} is not deployed and active"
    return FailedPrecondition(
        f"{field_path}: {text}",
        reason=VERSION_NOT_ACTIVE,
        fields=(FieldViolation(field_path, text),),
        retry_after=1.0,
    )


def not_ready(field_path: str, version: str) -> Error:
    """A version whose runtime this service cannot reach, or that loads yet; it may be ready in a moment."""
    text = f"the runtime of version {version!r} does not answer the inference service"
    return FailedPrecondition(
        f"{field_path}: {text}",
        reason=VERSION_NOT_READY,
        fields=(FieldViolation(field_path, text),),
        retry_after=1.0,
    )


def _check_weights(weights: Sequence[tuple[str, int]], path: str) -> None:
    if not weights:
        raise invalid(path, "must name at least one version")
    seen: set[str] = set()
    for index, (version, weight) in enumerate(weights):
        if not version:
            raise invalid(f"{path}[{index}].version", "is missing")
        if version in seen:
            raise invalid(f"{path}[{index}].version", f"version {version!r} is named twice")
        seen.add(version)
        if not 0 <= weight <= FULL:
            raise invalid(f"{path}[{index}].weight_bps", f"must be 0 to {FULL}, is {weight}")
    total = sum(weight for _, weight in weights)
    if total != FULL:
        raise invalid(path, f"must sum to {FULL} basis points, sum to {total}")
