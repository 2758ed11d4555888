"""Who calls, publishes and consumes what, read from the code without running it.

It relies on conventions that every service keeps (docs/how-to/read-the-topology.md):

- A peer is called through a generated stub, or by the RPC's path as a constant; its methods are called by their names.
- A subject that a service publishes is a constant, in `adapters/events.py`.
- What it consumes is a durable of `events.toml` that bears its noun, or a `Broadcast`; the subjects it acts on are
  constants in `consumers.py`.
- Its stores are the classes that its settings derive from.
"""

import ast
import functools
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rules import constants, protos
from rules.constants import Known
from rules.tree import Source, Tree, walked

_SUBJECT = re.compile(r"fp(\.[a-z_]+){2,}")
_PATTERN = re.compile(r"fp(\.([a-z_]+|\*))*(\.>)?")
_PATH = re.compile(r"/forgepoint\.[a-z]+\.v1\.(\w+)/(\w+)")
_STORES = {
    "PostgresSettings": "postgres",
    "EventSettings": "nats",
    "RedisSettings": "redis",
    "S3Settings": "s3",
}
EVERY_SERVICE = "every_service"
_SHARED = "fp_events"


@dataclass(slots=True)
class Wiring:
    """calls: `<noun>.<Rpc>`. consumes: patterns of competing consumers. watches: those of broadcasts.

    acts_on: the subjects among them that have a use-case.
    """

    stores: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    publishes: set[str] = field(default_factory=set)
    consumes: set[str] = field(default_factory=set)
    watches: set[str] = field(default_factory=set)
    acts_on: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Facts:
    """What one file says, found by one walk.

    used: names and attributes. consumers: calls of Consumer and Broadcast, with that word. texts: see `constants`.
    bases: pairs of a class and one that it derives from.
    """

    used: frozenset[str]
    attributes: frozenset[str]
    texts: tuple[ast.expr, ...]
    consumers: tuple[tuple[str, ast.Call], ...]
    bases: tuple[tuple[str, str], ...]


@functools.lru_cache(maxsize=4_096)
def _facts(text: str) -> _Facts:
    # The tests read nearly the same tree many times.
    nodes = walked(text)
    attributes = frozenset(node.attr for node in nodes if isinstance(node, ast.Attribute))
    calls = ((_last_name(node.func), node) for node in nodes if isinstance(node, ast.Call))
    classes = [node for node in nodes if isinstance(node, ast.ClassDef)]
    return _Facts(
        used=attributes | {node.id for node in nodes if isinstance(node, ast.Name)},
        attributes=attributes,
        texts=tuple(constants.text_nodes(nodes)),
        consumers=tuple((name, node) for name, node in calls if name in {"Consumer", "Broadcast"}),
        bases=tuple((node.name, _last_name(it)) for node in classes for it in node.bases),
    )


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


class _Services:
    """The RPCs by the name of their proto service."""

    def __init__(self, root: Path) -> None:
        self.methods: dict[str, set[str]] = defaultdict(set)
        self.nouns: dict[str, str] = {}
        for rpc in protos.read(root):
            self.methods[rpc.service].add(rpc.name)
            self.nouns[rpc.service] = rpc.noun

    def opened(self, *sources: Source) -> set[str]:
        """The services whose stubs the files use."""
        used = {name for source in sources for name in _facts(source.text).used}
        return {service for service in self.nouns if f"{service}Stub" in used}

    def calls(self, facts: _Facts, opened: set[str]) -> set[str]:
        return {f"{self.nouns[it]}.{name}" for it in opened for name in self.methods[it] & facts.attributes}

    def paths(self, facts: _Facts, known: Known) -> Iterator[str]:
        for text in _texts(facts, known):
            matched = _PATH.fullmatch(text)
            if matched and matched[2] in self.methods.get(matched[1], ()):
                yield f"{self.nouns[matched[1]]}.{matched[2]}"


def read(tree: Tree) -> dict[str, Wiring]:
    """The wiring by noun; what the libraries do for whoever uses them stands under `every_service`."""
    services = _Services(tree.root)
    found: dict[str, Wiring] = defaultdict(Wiring)
    for package, folder in sorted(tree.packages().items()):
        if package != "fp_testkit":
            # Jobs are users of the platform, whoever wrote them.
            is_library = folder.is_relative_to(tree.root / "libs") and package != "fp_jobs"
            owner = EVERY_SERVICE if is_library else package.removeprefix("fp_")
            _package(list(tree.sources(folder)), found, owner, services)
    for name, facts in _durables(tree.root).items():
        found[name.partition("-")[0]].consumes.update(facts["subjects"])
    return {noun: found[noun] for noun in sorted(found) if found[noun] != Wiring()}


def _durables(root: Path) -> dict[str, Any]:
    """By their names, which begin with the noun of the service."""
    file = root / "deploy" / "platform" / "src" / "fp_platform" / "events.toml"
    durables: dict[str, Any] = tomllib.loads(file.read_text())["consumers"] if file.is_file() else {}
    return durables


def _package(sources: list[Source], found: dict[str, Wiring], owner: str, services: _Services) -> None:
    known: dict[str, tuple[str, ...]] = {}
    for source in sources:
        known |= constants.of_module(source.module, known)
    wiring = found[owner]
    opened = services.opened(*sources)
    for source in sources:
        facts = _facts(source.text)
        # Two services may have an RPC of one name: a file that names its stub means that one.
        wiring.calls |= services.calls(facts, services.opened(source) or opened) | set(services.paths(facts, known))
        wiring.stores |= {_STORES[base] for name, base in facts.bases if base in _STORES and name not in _STORES}
        for kind, patterns in _consumers(facts, known):
            (wiring.consumes if kind == "Consumer" else wiring.watches).update(patterns)
        _subjects(source, set(_texts(facts, known)), wiring)


def _texts(facts: _Facts, known: Known) -> Iterator[str]:
    for node in facts.texts:
        yield from constants.evaluate(node, known)


def _consumers(facts: _Facts, known: Known) -> Iterator[tuple[str, set[str]]]:
    for kind, call in facts.consumers:
        values = [*call.args, *(keyword.value for keyword in call.keywords)]
        texts = [text for value in values for text in constants.evaluate(value, known)]
        patterns = {text for text in texts if text.startswith("fp.") and _PATTERN.fullmatch(text)}
        if patterns:
            yield kind, patterns


def _subjects(source: Source, texts: set[str], wiring: Wiring) -> None:
    """Published where they are encoded, acted on where they are consumed; elsewhere a subject is only talked about."""
    subjects = {text for text in texts if _SUBJECT.fullmatch(text)}
    if source.path.name == "consumers.py" and source.package != _SHARED:
        wiring.acts_on |= subjects
    elif source.path.name == "events.py" or (source.package == _SHARED and source.path.name == "audit.py"):
        wiring.publishes |= subjects
