"""What grows is declared, with how long it is kept and who deletes it."""

import ast
import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rules.tree import Tree, Violation, walked

RULE = "growth"
FILE = Path("docs") / "operations" / "growth.toml"

_TABLE = re.compile(r"\bcreate\s+(?:unlogged\s+)?table\s+(?:if\s+not\s+exists\s+)?\"?(\w+)", re.IGNORECASE)
_RENAMED = re.compile(r"\balter\s+table\s+\"?(\w+)\"?\s+rename\s+to\s+\"?(\w+)", re.IGNORECASE)
_DROPPED = re.compile(r"\bdrop\s+table\s+(?:if\s+exists\s+)?\"?(\w+)", re.IGNORECASE)
_STREAM = re.compile(r"\b(?:Stream|_stream)\(\s*\"(\w+)\"")
_REDIS = re.compile(r"\{*(fp:[a-z][\w-]*[:\w-]*)")
_PREFIX = re.compile(r"[a-z0-9]+/")
# Names of channels are no keys.
_CHANNELS = frozenset({"fp:inference:splits", "fp:inference:rules"})


@dataclass(frozen=True, slots=True)
class Grows:
    """kind: table, stream, redis, objects (a prefix of the object store) or files.
    name: of it; of a Redis key and of an object it is what the key begins with.
    per: what one is. size: bytes of one. daily: how many a day at the assumed load.
    days: how long one is kept; None where `kept` says it in words. setting: the setting with the days.
    most: bytes of all of them, where the code keeps such a bound.
    by: day or month where whole parts go, so that one is kept so much longer.
    """

    kind: str
    owner: str
    name: str
    per: str
    size: int
    daily: int
    deletes: str
    days: float | None = None
    setting: str = ""
    kept: str = ""
    most: int | None = None
    by: str = ""


def read(root: Path) -> tuple[dict[str, int], list[Grows]]:
    """What is assumed, and what grows.

    Raises TypeError for an entry with an unknown or a missing field.
    """
    content: Mapping[str, Any] = tomllib.loads((root / FILE).read_text())
    entries = [
        Grows(kind=rows["kind"], owner=rows["owner"], **entry) for rows in content["rows"] for entry in rows["entries"]
    ]
    return content["assumed"], entries


def undeclared(tree: Tree) -> Iterator[Violation]:
    """A table, stream, family of Redis keys or prefix of objects that is not declared, or is declared in vain."""
    declared = read(tree.root)[1]
    known = {(each.kind, each.owner, each.name) for each in declared}
    found: set[tuple[str, str, str]] = set()
    for path, line, kind, owner, name in _found(tree):
        names = {each for each in known if each[:2] == (kind, owner) and _covers(kind, each[2], name)}
        found |= names
        if not names:
            yield Violation(path, line, RULE, f"{kind} {name} of {owner} is missing in {FILE}", name)
    for kind, owner, name in sorted(known - found):
        if kind != "files":
            yield Violation(str(FILE), 0, RULE, f"{kind} {name} of {owner} does not exist", name)


def _covers(kind: str, declared: str, name: str) -> bool:
    """A family of keys is named in one piece. `fp:inference:{kind}:{team}` shows only `fp:inference:`, which stands for
    any kind, also for one that nobody declared: it is covered by nothing.
    """
    return name.startswith(declared) if kind == "redis" else declared == name


def _found(tree: Tree) -> Iterator[tuple[str, int, str, str, str]]:
    for noun, folder in (*tree.services().items(), ("fp_postgres", tree.packages()["fp_postgres"])):
        for table, path in _tables(folder).items():
            yield str(path.relative_to(tree.root)), 0, "table", noun, table
    streams = tree.packages()["fp_events"] / "streams" / "catalog.py"
    for name in _STREAM.findall(streams.read_text()):
        yield str(streams.relative_to(tree.root)), 0, "stream", "fp_events", name
    for noun, folder in tree.services().items():
        settings = folder / "settings.py"
        stores_objects = settings.exists() and "S3Settings" in settings.read_text()
        for source in tree.sources(folder):
            for line, key in _keys(source.text):
                yield str(source.path), line, "redis", noun, key
            if stores_objects and "domain" in source.path.parts:
                for line, prefix in _prefixes(source.text):
                    yield str(source.path), line, "objects", noun, prefix


def _tables(folder: Path) -> dict[str, Path]:
    """The tables after all migrations, with the file that made each."""
    tables: dict[str, Path] = {}
    for path in sorted((folder / "migrations").glob("*.sql")):
        text = "\n".join(line.partition("--")[0] for line in path.read_text().splitlines())
        for old, new in _RENAMED.findall(text):
            tables[new] = tables.pop(old, path)
        tables |= dict.fromkeys(_TABLE.findall(text), path)
        for dropped in _DROPPED.findall(text):
            tables.pop(dropped, None)
    return tables


@functools.lru_cache(maxsize=4_096)
def _keys(text: str) -> tuple[tuple[int, str], ...]:
    found = []
    for node in walked(text):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value:
            match = _REDIS.match(node.value)
            if match and match[1] not in _CHANNELS:
                found.append((node.lineno, match[1]))
    return tuple(found)


@functools.lru_cache(maxsize=4_096)
def _prefixes(module_text: str) -> tuple[tuple[int, str], ...]:
    """Of names that are put together: `f"uploads/{version_id}"`."""
    found = []
    for node in walked(module_text):
        if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
            text = str(node.values[0].value)
            if _PREFIX.fullmatch(text):
                found.append((node.lineno, text))
    return tuple(found)
