"""Each pair of tests writes under the same name: the second passes only when the first left nothing."""

import io

import asyncpg
import nats
import pytest
import redis.asyncio
from fp_testkit.databases import Databases
from fp_testkit.patience import PATIENCE
from fp_testkit.streams import admits

TWICE = pytest.mark.parametrize("time", [1, 2])


@TWICE
async def test_a_database_is_empty_and_its_role_has_no_privileges(database_url, time):
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute("create table things (id int primary key)")
        assert not await connection.fetchval("select rolsuper from pg_roles where rolname = current_user")
    finally:
        await connection.close()


async def test_databases_of_one_test_are_apart(databases):
    first, second = await databases.create(), await databases.create()

    assert first != second


async def test_a_database_with_connections_can_be_dropped(database_server):
    databases = Databases(database_server._admin_url)
    databases._prefix = "fp_dropped"
    connection = await asyncpg.connect(await databases.create())

    await databases.drop()

    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("select 1")
    await connection.close()
    await databases.close()


@TWICE
async def test_jetstream_is_empty(nats_url, time):
    client = await nats.connect(nats_url, connect_timeout=int(PATIENCE))
    try:
        jetstream = client.jetstream(timeout=PATIENCE)
        assert await jetstream.streams_info() == []
        await jetstream.add_stream(name="THINGS", subjects=["things.>"])
        await jetstream.publish("things.one", b"1")
    finally:
        await client.close()


async def test_a_client_that_a_test_left_behind_is_cut_off_and_refused(real_stores):
    url = await real_stores.next_bus()
    left = await nats.connect(url, connect_timeout=int(PATIENCE), error_cb=ignored, allow_reconnect=False)
    await left.jetstream(timeout=PATIENCE).add_stream(name="EARLIER", subjects=["earlier.>"])

    later = await nats.connect(await real_stores.next_bus(), connect_timeout=int(PATIENCE))

    assert await later.jetstream(timeout=PATIENCE).streams_info() == []
    with pytest.raises(nats.errors.Error):
        await left.jetstream(timeout=PATIENCE).add_stream(name="LATE", subjects=["late.>"])
    assert not await admits(url)
    await left.close()
    await later.close()


async def ignored(_):
    """What befalls a client that was left behind is its test's concern no longer."""


@TWICE
async def test_redis_is_empty(redis_url, time):
    async with redis.asyncio.Redis.from_url(redis_url) as client:
        assert await client.dbsize() == 0
        await client.set("thing", "1")


async def test_a_client_of_redis_that_a_test_left_behind_is_refused(redis_users):
    async with redis.asyncio.Redis.from_url(redis_users.next()) as left:
        await left.set("thing", "1")
        async with redis.asyncio.Redis.from_url(redis_users.next()) as later:
            with pytest.raises(redis.RedisError):
                await left.set("thing", "2")
            assert await later.dbsize() == 0


@TWICE
def test_the_bucket_is_empty(s3, time):
    client = s3.client()
    assert list(client.list_objects(s3.name, recursive=True)) == []
    client.put_object(s3.name, "uploads/thing", io.BytesIO(b"1"), 1)


def test_all_stores_together_have_every_endpoint(stores):
    assert all((stores.postgres_admin_url, stores.nats_url, stores.redis_url, stores.s3_endpoint, stores.s3_bucket))
