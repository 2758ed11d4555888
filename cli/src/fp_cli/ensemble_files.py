"""A version made of versions, as people write it, and as the platform takes it (ADR 0238)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from forgepoint.registry.v1 import registry_pb2 as pb
from forgepoint.registry.v1 import registry_pb2_grpc
from fp_kernel import Error, NotFound, invalid
from fp_kernel.ensembles import MOST_STEPS, Ensemble, Step, derive, ordered, sources_of, write
from fp_kernel.signatures import Signature
from fp_kernel.warm_ups import samples_of
from fp_rpc.signatures import signature_from_pb

from fp_cli import documents, names
from fp_cli.client import Client

SUFFIXES: Final = frozenset({".yaml", ".yml"})
_STEP: Final = frozenset({"name", "model", "version", "inputs"})


def is_one(file: Path) -> bool:
    return file.suffix.lower() in SUFFIXES


def content_of(client: Client, file: Path) -> tuple[bytes, Signature]:
    """The artifact, and what it takes and gives.

    Raises InvalidArgument naming what cannot be, NotFound for a version that is not there.
    """
    document = documents.load(file, "ensemble")
    strange = sorted(document.keys() - {"steps", "outputs", "warm_up"})
    if strange:
        raise invalid(strange[0], "is not known; an ensemble has steps, outputs and warm_up")
    steps = document.get("steps")
    if not isinstance(steps, list) or not 0 < len(steps) <= MOST_STEPS:
        raise invalid("steps", f"must be a list of 1 to {MOST_STEPS}")
    members: dict[str, Signature] = {}
    found = [_step(client, each, f"steps[{place}]", members) for place, each in enumerate(steps)]
    ensemble = ordered(found, sources_of(document.get("outputs"), "outputs"), document.get("warm_up"))
    return write(ensemble), _signature(ensemble, members)


def _signature(ensemble: Ensemble, members: Mapping[str, Signature]) -> Signature:
    found = derive(ensemble, members)
    if ensemble.warm_up is not None:
        samples_of(ensemble.warm_up, found.inputs)
    return found


def _step(client: Client, document: Any, field: str, members: dict[str, Signature]) -> Step:
    if not isinstance(document, dict) or not {"name", "model", "inputs"} <= document.keys() <= _STEP:
        raise invalid(field, "must have name, model and inputs, and may have version")
    name, model, version = (document.get(key, "") for key in ("name", "model", "version"))
    if not (isinstance(name, str) and isinstance(model, str) and isinstance(version, str | int)):
        raise invalid(field, "has a name, a model or a version that is no text")
    try:
        found, model_name = _version(client, model, str(version))
    except Error as error:
        raise type(error)(f"{field}: {error.message}", reason=error.reason, metadata=error.metadata) from None
    members[name] = signature_from_pb(found.signature)
    inputs = sources_of(document["inputs"], f"{field}.inputs")
    return Step(name, found.id, found.artifact_digest, inputs, model_name, found.version)


def _version(client: Client, model_name: str, version: str) -> tuple[pb.ModelVersion, str]:
    """Of this name; without one the version in PRODUCTION. And the name of its model."""
    stub = registry_pb2_grpc.RegistryServiceStub(client.channel)
    model = names.model(client, model_name)
    request = pb.GetVersionRequest(model_id=model.id, version=version)
    if not version:
        request.stage = pb.MODEL_STAGE_PRODUCTION
    try:
        return client.call(stub.GetVersion, request).version, model.name
    except NotFound:
        which = f"no version {version}" if version else "no version in PRODUCTION; name one"
        raise NotFound(f"{model_name} has {which}", reason="VERSION_NOT_FOUND") from None
