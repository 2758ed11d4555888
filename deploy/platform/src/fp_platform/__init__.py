"""The platform as data, for the libraries that run it: they know how, these files know what.

- `services.toml`: each service with the stores, peers and settings that the supervisor of a laptop gives it.
- `events.toml`: the sizes and ages of the streams, and every durable.
- `subjects.toml`: what each service may do at NATS; generated from the code.
- `tables.toml`: how many bytes each table may have; generated from docs/operations/growth.toml.

They are a package so that an installed wheel has them too (ADR 0143).
"""

import tomllib
from importlib import resources
from typing import Any


def services() -> dict[str, Any]:
    return _read("services.toml")


def events() -> dict[str, Any]:
    return _read("events.toml")


def subjects() -> dict[str, Any]:
    return _read("subjects.toml")


def tables() -> dict[str, Any]:
    return _read("tables.toml")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((resources.files(__name__) / name).read_text(encoding="utf-8"))
