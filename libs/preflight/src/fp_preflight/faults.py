"""All that is asked, of every program, in one run."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final, TypeVar

from fp_kernel import Clock
from fp_runtime.settings import EventSettings, InvalidSettings, PostgresSettings, RedisSettings, S3Settings, load
from fp_s3 import Location
from pydantic_settings import BaseSettings

from fp_preflight import clocks, nats, objects, postgres, valkey
from fp_preflight.wanted import Program, missing_secrets

# Whose login makes the streams.
_OPERATOR: Final = "operator"
_SECOND: Final = timedelta(seconds=1)

# Of one program: its noun, and a line.
Told = tuple[str, str]
Settings = TypeVar("Settings", bound=BaseSettings)


async def faults(programs: Sequence[Program], clock: Clock) -> list[str]:
    """A line each, with those whom it concerns; none when all is well."""
    told = [(program.noun, line) for program in programs for line in missing_secrets(program)]
    asked = await asyncio.gather(_databases(programs, clock), *(_others(program, clock) for program in programs))
    told += [each for found in asked for each in found]
    by_line: dict[str, list[str]] = defaultdict(list)
    for noun, line in told:
        by_line[line].append(noun)
    return [f"{', '.join(sorted(set(nouns)))}: {line}" for line, nouns in sorted(by_line.items())]


async def _databases(programs: Sequence[Program], clock: Clock) -> list[Told]:
    """One after the other, since each takes two of the connections that are counted."""
    told: list[Told] = []
    servers: dict[str, list[tuple[Program, postgres.Answer]]] = defaultdict(list)
    for program in _with("postgres", programs, "FP_DATABASE_URL"):
        settings, invalid = _settings(PostgresSettings, program)
        if settings is None:
            told.append((program.noun, invalid))
            continue
        url = settings.database_url.get_secret_value()
        before, after, answer = await clocks.timed(clock, lambda: postgres.ask(url, program.connections))  # noqa: B023 -- awaited here
        if isinstance(answer, str):
            told.append((program.noun, answer))
            continue
        servers[answer.server].append((program, answer))
        told += [(program.noun, line) for line in answer.faults]
        if line := clocks.fault(answer.server, clocks.skew(before, after, answer.now)):
            told.append((program.noun, line))
    for server, found in servers.items():
        told += _connections(server, found)
    return told


def _connections(server: str, found: Sequence[tuple[Program, postgres.Answer]]) -> Iterator[Told]:
    needed, allowed = sum(program.connections for program, _ in found), found[0][1].connections
    if needed > allowed:
        line = f"{server}: the replicas take up to {needed} connections, and it gives {allowed} (max_connections)"
        yield from ((program.noun, line) for program, _ in found)


async def _others(program: Program, clock: Clock) -> list[Told]:
    lines: list[str] = []
    if [*_with("nats", [program], "FP_NATS_URL")]:
        bus, invalid = _settings(EventSettings, program)
        lines += (
            [invalid]
            if bus is None
            else await nats.ask(
                bus.nats_url.get_secret_value(),
                bus.nats_ca_file,
                noun="fp" if program.noun == _OPERATOR else program.noun,
                jetstream=program.noun == _OPERATOR,
            )
        )
    if [*_with("valkey", [program], "FP_REDIS_URL")]:
        redis, invalid = _settings(RedisSettings, program)
        lines += [invalid] if redis is None else await valkey.ask(redis.redis_url.get_secret_value(), clock)
    if [*_with("s3", [program], "FP_S3_ACCESS_KEY", "FP_S3_SECRET_KEY")]:
        store, invalid = _settings(S3Settings, program)
        lines += [invalid] if store is None else await _bucket(store, program, clock)
    return [(program.noun, line) for line in lines]


async def _bucket(store: S3Settings, program: Program, clock: Clock) -> list[str]:
    location = Location(
        endpoint=store.s3_endpoint,
        bucket=store.s3_bucket,
        access_key=store.s3_access_key.get_secret_value(),
        secret_key=store.s3_secret_key.get_secret_value(),
        region=store.s3_region,
        own=program.objects[0] if program.objects else "",
        authorities=store.s3_ca_file,
    )
    lines = await objects.ask(location, program.objects)
    before, after, told = await clocks.timed(clock, lambda: objects.now(store.s3_endpoint, store.s3_ca_file))
    if told is not None:
        line = clocks.fault(f"s3 at {store.s3_endpoint}", clocks.skew(before, after, told, _SECOND))
        lines += [line] if line else []
    return lines


def _with(store: str, programs: Iterable[Program], *variables: str) -> Iterator[Program]:
    """Those that have a login there: without one there is nothing to ask with, and that has been said."""
    for program in programs:
        if store in program.stores and all(map(program.environment.get, variables)):
            yield program


def _settings(kind: type[Settings], program: Program) -> tuple[Settings | None, str]:
    """Or what is wrong with them."""
    try:
        return load(kind, program.environment), ""
    except InvalidSettings as invalid:
        return None, str(invalid)
