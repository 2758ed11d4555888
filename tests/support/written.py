"""All that a platform has written: rows, messages, keys of Redis, objects, logs, and what the supervisor runs."""

import asyncio
import io
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator

import asyncpg
import nats
import redis.asyncio
from fp_testkit.patience import PATIENCE
from minio import Minio
from nats.js.api import AckPolicy, ConsumerConfig
from platform_client import Platform

# What a program holds to come in, whoever it belongs to.
# Each with a part that all of them have: to look for that alone first takes a hundredth of the time.
API_KEY = b"fp_", re.compile(rb"(?<![\w-])fp_[A-Za-z0-9_-]{43}(?![\w-])")
TOKEN = b"eyJ", re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{40,}")
EMAIL = b"@", re.compile(rb"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}")
# Who logs in, what he was invited to, and where a person or rule wants mails: what the address is kept for. And the
# event of somebody's creation, whose message is the contract's: it is gone after a week.
ADDRESSES_OF_PEOPLE = frozenset(
    {
        "auth.users",
        "auth.account_links",
        "auth.invitations",
        "auth.fp_outbox",
        "stream AUTH",
        "notification.channels",
    }
)


async def everything(platform: Platform) -> AsyncIterator[tuple[str, bytes]]:
    """Place and content."""
    for noun, url in platform.access.databases.items():
        async for name, content in tables(url):
            yield f"{noun}.{name}", content
    async for name, content in streams(platform.admin_nats_url):
        yield f"stream {name}", content
    secrets, ports = (json.loads((platform.folder / f"{name}.json").read_text()) for name in ("secrets", "ports"))
    async for key, content in redis_keys(f"redis://:{secrets['valkey.password']}@127.0.0.1:{ports['valkey.client']}/0"):
        yield f"redis {key}", content
    s3 = Minio(f"127.0.0.1:{ports['seaweedfs.s3']}", "forgepoint", secrets["s3.secret_key"], secure=False)
    await asyncio.to_thread(put_one, s3)
    for name, content in await asyncio.to_thread(lambda: list(objects(s3))):
        yield f"object {name}", content
    for path in (platform.folder / "logs", platform.folder / "jobs", platform.folder / "runtimes.json"):
        for file in [path] if path.is_file() else path.rglob("*"):
            try:
                if file.is_file():
                    yield f"file {file.relative_to(platform.folder)}", file.read_bytes()
            except FileNotFoundError:
                continue


async def tables(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Each table of a database; a partition with its parent."""
    connection = await asyncpg.connect(url)
    try:
        names = await connection.fetch(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition "
            "AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        )
        for (name,) in names:
            found = []
            for row in await connection.fetch(f"SELECT * FROM {name}"):  # noqa: S608 -- names from the catalogue
                found += [each if isinstance(each, bytes) else str(each).encode() for each in row.values()]
            yield name, b"\n".join(found)
    finally:
        await connection.close()


async def streams(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """All messages of each stream."""
    client = await nats.connect(url)
    try:
        for info in await client.jsm().streams_info():
            found = []
            config = ConsumerConfig(ack_policy=AckPolicy.NONE)
            subscription = await client.jetstream().subscribe(
                ">", stream=info.config.name, ordered_consumer=True, config=config
            )
            for _ in range(info.state.messages):
                message = await subscription.next_msg(timeout=PATIENCE)
                found.append(str(message.headers).encode() + message.data)
            await subscription.unsubscribe()
            yield str(info.config.name), b"\n".join(found)
    finally:
        await client.close()


async def redis_keys(url: str) -> AsyncIterator[tuple[str, bytes]]:
    """Names and values of all keys, as Redis would move them to another server."""
    client = redis.asyncio.Redis.from_url(url)
    try:
        async for key in client.scan_iter(count=1_000):
            yield key.decode(errors="replace"), key + b"\n" + (await client.dump(key) or b"")
    finally:
        await client.aclose()


def put_one(s3: Minio) -> None:
    """So that a run of one file of tests, which uploads nothing, shows as well that objects are looked at."""
    s3.put_object(next(iter(s3.list_buckets())).name, "search/one", io.BytesIO(b"one"), 3)


def objects(s3: Minio) -> Iterator[tuple[str, bytes]]:
    """Names and contents."""
    for bucket in s3.list_buckets():
        for found in s3.list_objects(bucket.name, recursive=True):
            answer = s3.get_object(bucket.name, found.object_name)
            try:
                yield f"{bucket.name}/{found.object_name}", found.object_name.encode() + b"\n" + answer.read()
            finally:
                answer.close()
                answer.release_conn()


def searched(pattern: tuple[bytes, re.Pattern[bytes]], content: bytes) -> re.Match[bytes] | None:
    part, whole = pattern
    return whole.search(content) if part in content else None


async def leaks(platform: Platform, *secrets: str) -> dict[str, set[str]]:
    """What stands where it must not, by its kind: credentials and secrets anywhere, addresses of people but where they
    are kept.
    """
    generated = json.loads((platform.folder / "secrets.json").read_text())
    values = {f"the secret {name}": value for name, value in generated.items()}
    values |= {f"the password {value[:3]}...": value for value in secrets}
    found: dict[str, set[str]] = defaultdict(set)
    kinds = set()
    async for place, content in everything(platform):
        kinds.add(re.split(r"[ .]", place)[0])
        for what, value in values.items():
            if value.encode() in content:
                found[what].add(place)
        for what, pattern in {"an API key": API_KEY, "a token": TOKEN}.items():
            if searched(pattern, content):
                found[what].add(place)
        if place not in ADDRESSES_OF_PEOPLE and (address := searched(EMAIL, content)):
            found["an address"].add(f"{place}: {address.group().decode()}")
    assert kinds >= {*platform.access.databases, "stream", "object", "file"}, f"only {kinds} were looked at"
    return dict(found)
