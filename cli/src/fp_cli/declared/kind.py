"""What every kind of declared object can do."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from fp_kernel import FailedPrecondition, invalid
from fp_kernel.revisions import NOTHING
from google.protobuf.message import Message

from fp_cli.client import Client
from fp_cli.declared.document import Declaration
from fp_cli.documents import check_depth, fill
from fp_cli.messages import sparse

Spec = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Present:
    """What is there. revision: what a change or deletion of it expects; 0 for a kind that never changes.

    id: of a kind that is changed or deleted by its id; what was made since under the same name is another object.
    """

    spec: Spec
    revision: int = NOTHING
    id: str = ""


ABSENT: Final = Present({})


class Kind(ABC):
    """A spec has the fields of the request that makes the object, as `-o json` prints them and without what is empty.

    message: that request. name_field: of it, has the name. references: fields of a spec that hold a name, by the field
    of the request that holds an id. kept: what the platform fills in where nothing is said; a spec without it leaves
    it as it is.
    """

    name: ClassVar[str]
    message: ClassVar[type[Message]]
    name_field: ClassVar[str] = "name"
    references: ClassVar[Mapping[str, str]] = {}
    kept: ClassVar[tuple[str, ...]] = ()
    deletable: ClassVar[bool] = True

    @abstractmethod
    def find(self, client: Client, name: str) -> Present | None:
        """What is there now."""

    @abstractmethod
    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        """Names and specs of everything that may be declared."""

    @abstractmethod
    def create(self, client: Client, name: str, spec: Spec) -> None:
        """Raises Aborted or AlreadyExists when it is there by now."""

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:  # noqa: ARG002 -- some kinds can
        """present: as it was found. Raises Aborted when it has another revision by now."""
        raise FailedPrecondition(f"a {self.name} never changes: give the new one another name", reason="IMMUTABLE")

    def delete(self, client: Client, name: str, present: Present) -> None:  # noqa: ARG002 -- some kinds can
        """present: as it was found. Raises Aborted when it has another revision by now."""
        raise FailedPrecondition(f"a {self.name} cannot be deleted; it belongs to the set no more", reason="IMMUTABLE")

    def spec(self, declared: Declaration) -> Spec:
        """The spec in its one form. Raises InvalidArgument naming the field and where it stands."""
        given = self.defaulted(self._named(declared))
        hidden = {self.name_field, "idempotency_key", *self.references.values()}
        if wrong := next((key for key in given if key in hidden), None):
            said = next((name for name, field in self.references.items() if field == wrong), "metadata.name")
            raise invalid(declared.where, f"{declared.label}: spec.{wrong} is not said here, but by {said}")
        for key, value in given.items():
            check_depth(value, f"{declared.where}: {declared.label}: spec.{key}")
        renamed = {self.references.get(key, key): value for key, value in given.items()}
        return self.of(fill(self.message(), renamed, f"{declared.where}: {declared.label}: spec"))

    def _named(self, declared: Declaration) -> dict[str, Any]:
        """With the proto's names of fields. Raises InvalidArgument for one that is there under both of its names."""
        fields = {field.json_name: field.name for field in self.message.DESCRIPTOR.fields}
        fields |= {_camel(name): name for name in self.references}
        found = {fields.get(key, key): value for key, value in declared.spec.items()}
        if len(found) < len(declared.spec):
            raise invalid(declared.where, f"{declared.label}: a field of spec is there under both of its names")
        return found

    def defaulted(self, given: dict[str, Any]) -> dict[str, Any]:
        """With what a document means where it says nothing."""
        return given

    def of(self, message: Message) -> Spec:
        """The spec that a request is made of."""
        named = {field: name for name, field in self.references.items()}
        found = sparse(message)
        return {
            named.get(key, key): value
            for key, value in found.items()
            if key not in {self.name_field, "idempotency_key"}
        }

    def request(self, name: str, spec: Spec) -> Any:
        """The request of a spec, names in the place of ids."""
        fields = {self.references.get(key, key): value for key, value in spec.items()}
        return fill(self.message(), {**fields, self.name_field: name}, f"{self.name} {name}")

    def merged(self, before: Spec, wanted: Spec) -> Spec:
        """What is to be there: the wanted spec, and what it leaves to the platform, in the order of what is there."""
        found = {**{key: before[key] for key in self.kept if key in before}, **wanted}
        return {**{key: found[key] for key in before if key in found}, **found}

    def equal(self, before: Spec, wanted: Spec) -> bool:
        return dict(before) == dict(wanted)

    def after(self, spec: Spec) -> Iterator[str]:  # noqa: ARG002 -- some kinds have them
        """Names of objects of the same kind that must be there first."""
        yield from ()


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
