"""From what is declared to what is there: look, compare, and write what differs."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fp_kernel import Error, revisions
from fp_kernel.errors import Kind as ErrorKind

from fp_cli import names
from fp_cli.client import Client
from fp_cli.declared.document import Declaration
from fp_cli.declared.kind import Kind, Present, Spec
from fp_cli.declared.kinds import KINDS, kind

CREATED, CHANGED, UNCHANGED, PRUNED, FAILED = "created", "changed", "unchanged", "pruned", "failed"
# These are about one object; after any other error nothing else would go better.
_OF_ONE: Final = frozenset(
    {
        ErrorKind.INVALID_ARGUMENT,
        ErrorKind.NOT_FOUND,
        ErrorKind.ALREADY_EXISTS,
        ErrorKind.PERMISSION_DENIED,
        ErrorKind.FAILED_PRECONDITION,
        ErrorKind.ABORTED,
        ErrorKind.OUT_OF_RANGE,
        ErrorKind.UNIMPLEMENTED,
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    kind: Kind
    name: str
    spec: Spec


@dataclass(frozen=True, slots=True)
class Outcome:
    """before, after: specs; None where there is or was none. error: why it failed."""

    kind: str
    name: str
    outcome: str
    before: Spec | None = None
    after: Spec | None = None
    error: Error | None = None


@dataclass(frozen=True, slots=True)
class Going:
    """To be deleted. present: as it was found before anybody is asked; None for what is not there any more.

    error: why it was not found.
    """

    kind: Kind
    name: str
    present: Present | None
    error: Error | None = None

    def outcome(self) -> Outcome:
        before = self.present.spec if self.present is not None else None
        return Outcome(self.kind.name, self.name, FAILED if self.error else PRUNED, before, error=self.error)


def wanted(declarations: Iterable[Declaration]) -> list[Wanted]:
    """All that is declared, checked before anything is written, in the order in which it is applied.

    Raises InvalidArgument naming where it stands.
    """
    found: dict[str, dict[str, Wanted]] = {name: {} for name in KINDS}
    for each in declarations:
        of = kind(each.kind, each.where)
        found[of.name][each.name] = Wanted(of, each.name, of.spec(each))
    return [each for group in found.values() for each in _ordered(group)]


def _ordered(group: dict[str, Wanted]) -> Iterator[Wanted]:
    """An object after those of its kind that it names; a circle is the platform's to refuse."""
    seen: set[str] = set()

    def visit(name: str) -> Iterator[Wanted]:
        if name in seen or name not in group:
            return
        seen.add(name)
        for before in group[name].kind.after(group[name].spec):
            yield from visit(before)
        yield group[name]

    for name in group:
        yield from visit(name)


def apply(client: Client, objects: Sequence[Wanted], *, dry_run: bool) -> Iterator[Outcome]:
    """What became of each, in order; one that fails does not keep the others.

    dry_run: nothing is written, and the outcomes are what would become of them.
    """
    for each in objects:
        try:
            yield _applied(client, each, dry_run=dry_run)
        except Error as error:
            if error.kind not in _OF_ONE:
                raise
            yield Outcome(each.kind.name, each.name, FAILED, error=_explained(client, error))


def _explained(client: Client, error: Error) -> Error:
    """With the person who changed it, where that is why it failed."""
    if error.reason == revisions.CHANGED:
        if changed_by := error.metadata.get("changed_by"):
            error.message = error.message.replace(changed_by, names.person(client, changed_by))
        error.metadata["next_step"] = "`fp diff -f` shows what is there now; apply again when the files have it"
    return error


def _applied(client: Client, each: Wanted, *, dry_run: bool) -> Outcome:
    present = each.kind.find(client, each.name)
    if present is None:
        if not dry_run:
            each.kind.create(client, each.name, each.spec)
        return Outcome(each.kind.name, each.name, CREATED, None, each.spec)
    before = present.spec
    after = each.kind.merged(before, each.spec)
    if each.kind.equal(before, after):
        return Outcome(each.kind.name, each.name, UNCHANGED, before, before)
    if not dry_run:
        each.kind.change(client, each.name, after, present)
    return Outcome(each.kind.name, each.name, CHANGED, before, after)


def going(client: Client, of: Kind, name: str) -> Going:
    try:
        return Going(of, name, of.find(client, name))
    except Error as error:
        if error.kind not in _OF_ONE:
            raise
        return Going(of, name, None, error)


def prune(client: Client, objects: Iterable[Going]) -> Iterator[Outcome]:
    """Delete these as they were found, the ones first that others may name last."""
    order = list(KINDS)
    for each in sorted(objects, key=lambda each: (-order.index(each.kind.name), each.name)):
        try:
            if each.present is not None:
                each.kind.delete(client, each.name, each.present)
            yield each.outcome()
        except Error as error:
            if error.kind not in _OF_ONE:
                raise
            yield Outcome(each.kind.name, each.name, FAILED, error=_explained(client, error))
