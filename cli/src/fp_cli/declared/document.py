"""The one form of a declared object: apiVersion, kind, metadata and spec."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fp_kernel import invalid

API_VERSION: Final = "forgepoint.io/v1"
_KEYS: Final = ("apiVersion", "kind", "metadata", "spec")
_LONGEST_NAME: Final = 256


@dataclass(frozen=True, slots=True)
class Declaration:
    """spec: as it was written. where: the file, and which document of it."""

    kind: str
    name: str
    spec: Mapping[str, Any]
    where: str

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name}"


def is_declaration(document: Mapping[str, Any]) -> bool:
    """Whether it is one in this form; a pipeline may also be a request of the API."""
    return "apiVersion" in document or "kind" in document


def parse(document: Any, where: str) -> Declaration:
    """Raises InvalidArgument naming `where` it stands and the field."""
    if not isinstance(document, dict):
        raise invalid(where, "must be an object with apiVersion, kind, metadata and spec")
    if unknown := next((key for key in document if key not in _KEYS), None):
        raise invalid(where, f"{unknown} is none of {', '.join(_KEYS)}")
    if document.get("apiVersion") != API_VERSION:
        raise invalid(where, f"apiVersion must be {API_VERSION}")
    kind = document.get("kind")
    if not isinstance(kind, str) or not kind:
        raise invalid(where, "kind must say what is declared, such as Pipeline")
    spec = document.get("spec")
    if not isinstance(spec, dict):
        raise invalid(where, "spec must be an object")
    return Declaration(kind, _name(document.get("metadata"), where), spec, where)


def _name(metadata: Any, where: str) -> str:
    if not isinstance(metadata, dict):
        raise invalid(where, "metadata must be an object with a name")
    if unknown := next((key for key in metadata if key != "name"), None):
        raise invalid(where, f"metadata.{unknown} is not known; metadata has a name")
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        raise invalid(where, "metadata.name must be text; put a number into quotes")
    if len(name) > _LONGEST_NAME:
        raise invalid(where, f"metadata.name has {len(name)} characters, at most {_LONGEST_NAME} are allowed")
    return name


def written(kind: str, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The document of an object."""
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def check_once(declarations: Iterable[Declaration]) -> None:
    """Raises InvalidArgument naming both places of an object that is declared twice."""
    seen: dict[tuple[str, str], str] = {}
    for each in declarations:
        if before := seen.get((each.kind, each.name)):
            raise invalid(each.where, f"{each.label} is declared in {before} as well")
        seen[each.kind, each.name] = each.where
