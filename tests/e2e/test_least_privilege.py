"""Each service comes into the stores by a login of its own, which opens what is its own and nothing else."""

import asyncio
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus

import asyncpg
import fp_platform
import nats
import pytest
import redis
from fp_events import CONSUMERS, STREAMS
from fp_events.message.subjects import intersection, matches
from fp_testkit.patience import PATIENCE
from fp_testkit.streams import admits
from minio import Minio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from platform_client import Platform
from urllib3 import PoolManager

SERVICES = fp_platform.services()["services"]
SUBJECTS = fp_platform.subjects()
NOUNS = [noun for noun, facts in SERVICES.items() if facts.get("nats")]
CACHING = [noun for noun, facts in SERVICES.items() if facts.get("redis")]
KEEPING = {noun: facts["s3_prefixes"] for noun, facts in SERVICES.items() if facts.get("s3")}
BUCKET = "forgepoint"
LAST = "fp.nobody.may"
STORING = [noun for noun, facts in SERVICES.items() if facts.get("database")]


@dataclass
class Stores:
    """Of a running platform, with the credentials that its supervisor gave to each service."""

    platform: Platform

    def __post_init__(self) -> None:
        names = ("secrets", "ports")
        self.secrets, self.ports = (json.loads((self.platform.folder / f"{name}.json").read_text()) for name in names)

    def nats_url(self, noun: str) -> str:
        return f"nats://{noun}:{self.secrets[f'nats.{noun}']}@127.0.0.1:{self.ports['nats.client']}"

    def redis_url(self, noun: str) -> str:
        return f"redis://{noun}:{self.secrets[f'valkey.{noun}']}@127.0.0.1:{self.ports['valkey.client']}/0"

    def bucket(self, noun: str) -> Minio:
        pool = PoolManager(retries=False, timeout=PATIENCE)
        address, secret = f"127.0.0.1:{self.ports['seaweedfs.s3']}", self.secrets[f"s3.{noun}"]
        return Minio(address, access_key=noun, secret_key=secret, secure=False, region="us-east-1", http_client=pool)

    def database_url(self, noun: str, database: str) -> str:
        address = f"127.0.0.1:{self.ports['postgres.server']}"
        return f"postgresql://fp_{noun}:{self.secrets[f'database.{noun}']}@{address}/{database}"


@pytest.fixture(scope="module")
def stores(platform) -> Stores:
    return Stores(platform)


def events(noun: str) -> set[str]:
    """Subjects of events that it may publish."""
    return {subject for subject in SUBJECTS[noun]["publish"] if not subject.startswith(("$", "fp.dlq"))}


def of_others(noun: str) -> Iterator[str]:
    """What a service would use to speak for another one, to take its events, or to change what all share."""
    yield from {subject for other in NOUNS for subject in events(other)} - events(noun)
    # Under which nobody is named as its source.
    yield "fp.audit.recorded"
    for durable in CONSUMERS:
        if durable.name.partition("-")[0] != noun:
            yield f"fp.dlq.{durable.name}.fp.models.registered"
            for stream in durable.streams:
                yield f"$JS.API.CONSUMER.MSG.NEXT.{stream.name}.{durable.name}"
                yield f"$JS.API.CONSUMER.CREATE.{stream.name}.{durable.name}"
                yield f"$JS.API.CONSUMER.CREATE.{stream.name}.{durable.name}.{durable.subjects[0]}"
                yield f"$JS.API.CONSUMER.DELETE.{stream.name}.{durable.name}"
                yield f"$JS.ACK.{stream.name}.{durable.name}.1.1.1.1.1"
    for stream in STREAMS:
        for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "MSG.GET", "MSG.DELETE", "SNAPSHOT"):
            yield f"$JS.API.STREAM.{verb}.{stream.name}"
        # A consumer of everything that the stream holds.
        yield f"$JS.API.CONSUMER.CREATE.{stream.name}.mine"
        yield f"$JS.API.CONSUMER.CREATE.{stream.name}"
        yield f"$JS.API.CONSUMER.CREATE.{stream.name}.mine.fp.>"
        yield f"$JS.API.DIRECT.GET.{stream.name}"


async def refused(url: str, publish: list[str], subscribe: list[str]) -> set[str]:
    """Which of them the server refuses, in small letters as it tells them."""
    told: set[str] = set()
    last = asyncio.Event()

    async def tell(error: Exception) -> None:
        told.update(str(error).lower().split('"')[1::2])
        if LAST in told:
            last.set()

    client = await nats.connect(url, connect_timeout=int(PATIENCE), error_cb=tell)
    try:
        for subject in publish:
            # Whatever is let through is stored nowhere.
            await client.publish(subject, b"", headers={"Nats-Expected-Stream": "NOWHERE"})
        for pattern in subscribe:
            await client.subscribe(pattern)
        # It tells one after the other, and this one to everybody.
        await client.publish(LAST, b"")
        async with asyncio.timeout(PATIENCE):
            await last.wait()
    finally:
        await client.close()
    return told - {LAST}


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_service_is_refused_every_subject_that_is_not_its_own(stores, noun):
    publish = sorted(set(of_others(noun)))
    others = [f"_INBOX_{other}.>" for other in (*NOUNS, "fp") if other != noun]
    subscribe = ["fp.>", ">", "$JS.>", "_INBOX.>", *others, *sorted(events(noun))]

    told = await refused(stores.nats_url(noun), publish, subscribe)

    assert [subject for subject in (*publish, *subscribe) if subject.lower() not in told] == []


@pytest.mark.parametrize("noun", NOUNS)
async def test_a_service_may_use_its_own_subjects(stores, noun):
    assert await refused(stores.nats_url(noun), sorted(events(noun)), [f"_INBOX_{noun}.>"]) == set()


async def test_the_operator_reads_all_tells_no_event_and_takes_none_away(stores):
    others = {
        "fp.dlq.billing.fp.models.registered",
        *(f"$JS.API.STREAM.{verb}.MINE" for verb in ("CREATE", "UPDATE")),
        *(f"$JS.API.STREAM.{verb}.{stream.name}" for verb in ("DELETE", "PURGE", "SNAPSHOT") for stream in STREAMS),
        *(f"$JS.API.STREAM.MSG.DELETE.{stream.name}" for stream in STREAMS if stream.name != "DLQ"),
    }
    publish = sorted({subject for noun in NOUNS for subject in events(noun)} | others)
    told = await refused(stores.platform.access.nats_url, publish, ["fp.>"])

    assert sorted(told) == sorted({*(subject.lower() for subject in publish), "fp.>"})


async def test_who_is_no_user_is_let_into_no_store(stores):
    for noun in ("serving", "cli", "flights"):
        assert f"nats.{noun}" not in stores.secrets
        assert f"valkey.{noun}" not in stores.secrets
    assert not await admits(f"nats://127.0.0.1:{stores.ports['nats.client']}")
    assert not await admits(
        f"nats://serving:{stores.secrets['service.serving']}@127.0.0.1:{stores.ports['nats.client']}"
    )
    with redis.Redis(port=stores.ports["valkey.client"]) as nobody, pytest.raises(redis.exceptions.AuthenticationError):
        nobody.get("a")


def test_every_event_of_the_platform_is_published_by_somebody_who_may():
    """A pattern that is consumed and that nobody may publish is a right that was forgotten."""
    published = {subject for noun in NOUNS for subject in events(noun)}
    consumed = {pattern for durable in CONSUMERS for pattern in durable.subjects}
    # Of builds before ADR 0112 and 0206; still in the stream.
    earlier = {"fp.inference.completed", "fp.inference.failed", "fp.audit.recorded"}

    assert {it for it in consumed - earlier if not any(intersection(it, subject) for subject in published)} == set()
    assert all(any(matches(kept, it) for stream in STREAMS for kept in stream.subjects) for it in published)


@pytest.mark.parametrize("noun", CACHING)
def test_a_service_is_refused_every_key_and_channel_that_is_not_its_own(stores, noun):
    with redis.Redis.from_url(stores.redis_url(noun)) as own:
        for other in SERVICES:
            if other != noun:
                commands = (("GET", f"fp:{other}:a"), ("SET", f"fp:{other}:a", "x"), ("PUBLISH", f"fp:{other}:a", "x"))
                for command in (*commands, ("GET", f"{{fp:{other}}}:pointer"), ("SUBSCRIBE", f"fp:{other}:splits")):
                    with pytest.raises(redis.exceptions.NoPermissionError):
                        own.execute_command(*command)
        for command in (("KEYS", "*"), ("FLUSHALL",), ("CONFIG", "GET", "*"), ("ACL", "LIST"), ("EVAL", "return 1", 0)):
            with pytest.raises(redis.exceptions.NoPermissionError):
                own.execute_command(*command)
        if "get" in SERVICES[noun]["redis_commands"]:
            assert own.get(f"fp:{noun}:nothing") is None
        assert own.ping()


@pytest.mark.parametrize("noun", STORING)
async def test_a_service_is_refused_every_database_that_is_not_its_own(stores, noun):
    for database in ("postgres", "template1", *(f"fp_{other}" for other in STORING if other != noun)):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await asyncpg.connect(stores.database_url(noun, database))
    connection = await asyncpg.connect(stores.database_url(noun, f"fp_{noun}"))
    try:
        rights = "select rolsuper or rolcreatedb or rolcreaterole or rolbypassrls from pg_roles where rolname = $1"
        assert not await connection.fetchval(rights, f"fp_{noun}")
    finally:
        await connection.close()


def stored(client: Minio, name: str) -> None:
    client.put_object(BUCKET, name, io.BytesIO(b"x"), 1)


@pytest.fixture
def tidied(stores) -> Iterator[None]:
    """What the services keep for themselves is read by other tests."""
    yield
    for noun, prefixes in KEEPING.items():
        for prefix in prefixes:
            stores.bucket(noun).remove_object(BUCKET, f"{prefix}least-privilege/a")


@pytest.mark.usefixtures("tidied")
@pytest.mark.parametrize("noun", KEEPING)
def test_a_service_is_refused_every_path_of_the_bucket_that_is_not_its_own(stores, noun):
    own = stores.bucket(noun)
    for prefix in KEEPING[noun]:
        stored(own, f"{prefix}least-privilege/a")
        own.stat_object(BUCKET, f"{prefix}least-privilege/a")
        assert list(own.list_objects(BUCKET, f"{prefix}least-privilege/", recursive=True))
    mine = f"{KEEPING[noun][0]}least-privilege/a"
    for other in (prefix for each, prefixes in KEEPING.items() if each != noun for prefix in prefixes):
        its = f"{other}least-privilege/a"
        stored(stores.bucket(next(each for each, prefixes in KEEPING.items() if other in prefixes)), its)
        tries = (
            lambda its=its: stored(own, its),
            lambda its=its: own.get_object(BUCKET, its),
            lambda its=its: own.stat_object(BUCKET, its),
            lambda its=its: own.remove_object(BUCKET, its),
            lambda other=other: list(own.list_objects(BUCKET, other, recursive=True)),
            lambda its=its: own.copy_object(BUCKET, mine, CopySource(BUCKET, its)),
            lambda its=its: own.copy_object(BUCKET, its, CopySource(BUCKET, mine)),
        )
        for attempt in tries:
            with pytest.raises(S3Error, match="AccessDenied"):
                attempt()
        assert [each.code for each in own.remove_objects(BUCKET, [DeleteObject(its)])] == ["AccessDenied"]
        # A URL that it signs for what it may not do itself opens nothing.
        http = PoolManager(retries=False, timeout=PATIENCE)
        assert http.request("GET", own.presigned_get_object(BUCKET, its)).status == HTTPStatus.FORBIDDEN
        assert http.request("PUT", own.presigned_put_object(BUCKET, its), body=b"x").status == HTTPStatus.FORBIDDEN
    for attempt in (lambda: list(own.list_objects(BUCKET, recursive=True)), lambda: own.make_bucket("mine")):
        with pytest.raises(S3Error, match="AccessDenied"):
            attempt()
