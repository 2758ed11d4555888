"""The durables of the platform, as `fp_platform` declares them."""

from collections.abc import Mapping
from typing import Any

import fp_platform

from fp_events.consumer.declaration import Consumer


def _consumer(name: str, facts: Mapping[str, Any]) -> Consumer:
    fields: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    return Consumer(name, **fields)


_DATA = fp_platform.events()
CONSUMERS: tuple[Consumer, ...] = tuple(_consumer(name, facts) for name, facts in _DATA["consumers"].items())
# Durables of earlier builds by their stream, deleted by every process that ensures it.
RETIRED: Mapping[str, tuple[str, ...]] = {stream: tuple(names) for stream, names in _DATA["retired"].items()}
_BY_NAME = {consumer.name: consumer for consumer in CONSUMERS}


def durable(name: str) -> Consumer:
    """Raises KeyError for one that `events.toml` lacks: producers would not create it before they publish."""
    return _BY_NAME[name]
