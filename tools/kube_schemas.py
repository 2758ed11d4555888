"""Strict JSON schemas of Kubernetes' objects, from modules of the Go proxy, so that checks are offline.

python tools/kube_schemas.py   writes what is missing into the user's cache and prints the folder

`strict`: a field that an object does not have is refused, as `kubectl --validate=strict` does.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from go_tools import cache, forget_old, go

Schema = dict[str, Any]
_INT_OR_STRING: Schema = {"oneOf": [{"type": "string"}, {"type": "integer"}]}
_QUANTITY: Schema = {"oneOf": [{"type": "string"}, {"type": "number"}]}


@dataclass(frozen=True, slots=True)
class Source:
    """digest: the module's, as go.sum has it. files: in the module; the OpenAPI of the API server, or CRDs."""

    module: str
    digest: str
    files: tuple[str, ...]


# The version that objects are checked against, which is that of tests/cluster/hyper.
KUBERNETES = "1.34.4"
_GATEWAY = "config/crd/standard/gateway.networking.k8s.io_{}.yaml"
_CERTIFICATES = "deploy/crds/cert-manager.io_{}.yaml"
# The API server's, and those of what the chart renders for operators that a cluster may have.
SOURCES = (
    Source(
        f"k8s.io/kubernetes@v{KUBERNETES}",
        "h1:Yy6R4QB8C9kJPp25GFqEvX5XQwY5qzKeqD0Xx6oAcmk=",
        ("api/openapi-spec/swagger.json",),
    ),
    Source(
        "github.com/external-secrets/external-secrets@v0.20.4",
        "h1:HhNAjWfFEshhItphr28SGsHzf2bUP7uDAOVLg76uNAg=",
        ("config/crds/bases/external-secrets.io_externalsecrets.yaml",),
    ),
    Source(
        "sigs.k8s.io/gateway-api@v1.4.0",
        "h1:ZwlNM6zOHq0h3WUX2gfByPs2yAEsy/EenYJB78jpQfQ=",
        tuple(map(_GATEWAY.format, ("backendtlspolicies", "gateways", "grpcroutes", "httproutes"))),
    ),
    Source(
        "github.com/cert-manager/cert-manager@v1.21.2",
        "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
        tuple(map(_CERTIFICATES.format, ("certificates", "clusterissuers", "issuers"))),
    ),
    Source(
        "github.com/cloudnative-pg/cloudnative-pg@v1.25.0",
        "h1:VWqj9Hfme4rIdTZm9/SLQN97WMTXPMvZRqEs2n3tIec=",
        ("config/crd/bases/postgresql.cnpg.io_clusters.yaml", "config/crd/bases/postgresql.cnpg.io_databases.yaml"),
    ),
)


def folder() -> Path:
    """Of all schemas, named as kubeconform looks for them: kind-group-version.json."""
    target = cache() / "kube-schemas" / hashlib.sha256(repr(SOURCES).encode()).hexdigest()[:16]
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as beside:
            draft = Path(beside) / target.name
            draft.mkdir()
            for source in SOURCES:
                for file in _fetched(source):
                    for name, schema in schemas(file):
                        (draft / f"{name}.json").write_text(json.dumps(schema))
            try:
                draft.rename(target)
            except OSError:
                if not target.exists():  # else another check has written it meanwhile
                    raise
        forget_old(target.parent)
    return target


def _fetched(source: Source) -> Iterator[Path]:
    # Outside of any module, whose go.sum would have to name what no code of it needs.
    facts = json.loads(go(["mod", "download", "-json", source.module], Path(tempfile.gettempdir())))
    if facts["Sum"] != source.digest:
        raise ValueError(f"{source.module} has the digest {facts['Sum']}, not {source.digest}")
    yield from (Path(facts["Dir"]) / file for file in source.files)


def schemas(file: Path) -> Iterator[tuple[str, Schema]]:
    """Name and schema of each kind of a file."""
    if file.suffix == ".json":
        yield from _of_openapi(json.loads(file.read_text())["definitions"])
    else:
        for document in yaml.safe_load_all(file.read_text()):
            yield from _of_definition(document)


def _of_openapi(definitions: dict[str, Schema]) -> Iterator[tuple[str, Schema]]:
    for name in definitions:
        if name.endswith(".Quantity"):
            definitions[name] = _QUANTITY
        elif name.endswith(".IntOrString"):
            definitions[name] = _INT_OR_STRING
    closed: dict[str, Schema] = {name: _strict(schema) for name, schema in definitions.items()}
    for schema in closed.values():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            whole = {**schema, "definitions": _needed(schema, closed)}
            whole["properties"] = {**schema.get("properties", {}), "kind": {"type": "string", "enum": [kind["kind"]]}}
            yield _name(kind["kind"], kind["group"], kind["version"]), whole


def _needed(schema: Schema, definitions: dict[str, Schema]) -> dict[str, Schema]:
    """A file is read alone: what one refers to has to be in it."""
    found: dict[str, Schema] = {}
    open_ends = list(_references(schema))
    while open_ends:
        name = open_ends.pop()
        if name not in found:
            found[name] = definitions[name]
            open_ends += _references(definitions[name])
    return found


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for value in node.values():
            yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _of_definition(document: Schema) -> Iterator[tuple[str, Schema]]:
    """Of a CustomResourceDefinition."""
    spec = document["spec"]
    for version in spec["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        # The definition leaves to the server what every object has.
        schema.setdefault("properties", {}).update(
            {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
        )
        yield _name(spec["names"]["kind"], spec["group"], version["name"]), schema


def _name(kind: str, group: str, version: str) -> str:
    return "-".join(part for part in (kind.lower(), group.partition(".")[0], version) if part)


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    if node.get("x-kubernetes-int-or-string") or node.get("format") == "int-or-string":
        return _INT_OR_STRING
    # A property may be called "properties"; only a schema has a dictionary of schemas there.
    closed = {name: _strict(value) for name, value in node.items()}
    if (
        isinstance(node.get("properties"), dict)
        and isinstance(node.get("type"), str)
        and not node.get("x-kubernetes-preserve-unknown-fields")
    ):
        closed.setdefault("additionalProperties", False)
    return closed


if __name__ == "__main__":
    print(folder())
