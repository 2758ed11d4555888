"""What an installation says that it needs, and what it has been given."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

STORES: Final = ("postgres", "nats", "valkey", "s3")


@dataclass(frozen=True, slots=True)
class Program:
    """secrets: variables that come from its secret. stores: those that it has a login at. connections: how many of the
    database all of its replicas take during an upgrade. objects: what the names of its objects begin with.
    environment: its settings, secrets included.
    """

    noun: str
    secret: str
    secrets: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    connections: int = 0
    objects: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


def read(text: str, folder: Path) -> tuple[Program, ...]:
    """text: JSON, by noun. folder: has a folder a noun with a file a variable, as a mounted secret is."""
    return tuple(_program(noun, facts, folder / noun) for noun, facts in sorted(json.loads(text).items()))


def _program(noun: str, facts: Mapping[str, Any], folder: Path) -> Program:
    return Program(
        noun=noun,
        secret=facts["secret"],
        secrets=tuple(facts["secrets"]),
        stores=tuple(facts["stores"]),
        connections=int(facts.get("connections", 0)),
        objects=tuple(facts.get("objects", ())),
        environment={**facts.get("env", {}), **{name: _text(folder / name) for name in facts["secrets"]}},
    )


def _text(file: Path) -> str:
    """Empty where there is none. A line's end is not part of a password."""
    try:
        return file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def missing_secrets(program: Program) -> Iterator[str]:
    missing = [name for name in program.secrets if not program.environment.get(name)]
    if missing and len(missing) == len(program.secrets):
        yield f"the secret {program.secret} is not there, or has none of {', '.join(missing)}"
    elif missing:
        yield f"the secret {program.secret} lacks {', '.join(missing)}"
