"""Valkey or Redis, asked with a service's own login."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from fp_kernel import Clock, Error
from fp_redis import RedisClient

from fp_preflight.reasons import reason

OLDEST: Final = (7, 0)
_SECONDS: Final = 5.0


async def ask(url: str, clock: Clock) -> list[str]:
    """Faults."""
    parts = urlsplit(url)
    place = f"valkey at {parts.hostname}:{parts.port or 6379}"
    link = RedisClient.open(url, clock, store="valkey", timeout=_SECONDS)
    try:
        # The one command that says how a server runs and that no login can be refused.
        [answer] = await link.ask(("HELLO",))
    except Error as error:
        return [f"{place}: {reason(error)}"]
    finally:
        await link.close()
    return [f"{place}: {fault}" for fault in _faults(_facts(answer))]


def _facts(answer: Any) -> Mapping[str, str]:
    """Of a map, or of a list of names and values, as older protocols have it."""
    pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
    return {_text(name): _text(value) for name, value in pairs}


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _faults(found: Mapping[str, str]) -> Iterator[str]:
    if found.get("mode") != "standalone":
        yield f"it runs in {found.get('mode')} mode: scripts and channels need one node without cluster mode"
    if found.get("role") not in {"master", "primary"}:
        yield f"it is a {found.get('role')}: the URL must name the primary"
    version = tuple(int(part) for part in found.get("version", "0.0").split(".")[:2])
    if version < OLDEST:
        yield f"it is version {found.get('version')}, and the platform needs {OLDEST[0]}.{OLDEST[1]} or newer"
