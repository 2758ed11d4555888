"""Passwords of services at the stores are replaced while the stores run."""

import asyncpg
import pytest
import redis
from fp_devstack import Stack
from fp_devstack.failures import StoreFailed
from fp_devstack.store_access import NatsAccess, RedisAccess, StoreAccess
from fp_devstack.stores import signing
from fp_devstack.stores.valkey import Valkey
from fp_testkit.patience import Bound
from fp_testkit.streams import admits

ACCESSES = {
    "registry": StoreAccess(
        NatsAccess(("fp.registry.>",), (), ("_INBOX_registry.>",)),
        RedisAccess(("fp:registry:*",), (), ("get", "set")),
        ("registry/",),
    )
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with Stack(tmp_path_factory.mktemp("stack"), accesses=ACCESSES, durable=False) as running:
        yield running


def enters_valkey(endpoints):
    with redis.Redis.from_url(endpoints.redis_url) as client:
        try:
            client.set("fp:registry:a", "x")
        except redis.exceptions.AuthenticationError:
            return False
    return True


def enters_bucket(endpoints):
    keys = (endpoints.s3_access_key, endpoints.s3_secret_key)
    port = int(endpoints.s3_endpoint.rpartition(":")[2])
    return signing.request(port, "PUT", f"/{endpoints.s3_bucket}/registry/a", keys, b"x") == 200


async def enters_database(url):
    try:
        connection = await asyncpg.connect(url)
    except asyncpg.InvalidPasswordError:
        return False
    await connection.close()
    return True


async def entered(endpoints, database_url):
    return (
        await admits(endpoints.nats_url),
        enters_valkey(endpoints),
        enters_bucket(endpoints),
        await enters_database(database_url),
    )


async def test_the_new_ones_count_at_once_and_the_old_ones_no_more(stack):
    old, old_url = stack.endpoints_of("registry"), stack.create_database("registry")
    assert await entered(old, old_url) == (True,) * 4
    kept = stack.endpoints

    stack.renew_logins()
    new, new_url = stack.endpoints_of("registry"), stack.create_database("registry")

    # The programs read their files when they come to it.
    bound = Bound()
    while await entered(old, old_url) != (False,) * 4 or await entered(new, new_url) != (True,) * 4:
        assert not bound.over, (await entered(old, old_url), await entered(new, new_url))
    assert stack.endpoints == kept


async def test_a_start_after_that_has_the_new_ones(tmp_path):
    with Stack(tmp_path / "data", accesses=ACCESSES, durable=False) as first:
        first.renew_logins()
        new, url = first.endpoints_of("registry"), first.create_database("registry")
    with Stack(tmp_path / "data", accesses=ACCESSES, durable=False) as second:
        assert (second.endpoints_of("registry"), second.create_database("registry")) == (new, url)
        assert await entered(new, url) == (True,) * 4


def test_a_store_that_does_not_take_them_says_so(tmp_path, monkeypatch):
    with Stack(tmp_path / "data", stores=("valkey",), accesses=ACCESSES, durable=False) as running:
        monkeypatch.setattr(Valkey, "_users", lambda _: "user registry nonsense\n")

        with pytest.raises(StoreFailed):
            running.renew_logins()


async def test_a_second_role_of_a_service_makes_what_belongs_to_the_first(stack):
    """As docs/operations/store-logins.md has it for those who may not stop."""
    url = stack.create_database("registry")
    admin = await asyncpg.connect(stack.endpoints.postgres_admin_url)
    await admin.execute("CREATE ROLE fp_registry_2 LOGIN PASSWORD 'new' IN ROLE fp_registry")
    await admin.execute("ALTER ROLE fp_registry_2 SET role = 'fp_registry'")
    second = stack.endpoints.database_url("fp_registry", "fp_registry_2", "new")
    connection = await asyncpg.connect(second)
    await connection.execute("CREATE TABLE made (x int)")
    await admin.execute("ALTER ROLE fp_registry PASSWORD NULL")

    owner = await connection.fetchval("SELECT tableowner FROM pg_tables WHERE tablename = 'made'")
    assert (owner, await enters_database(url), await enters_database(second)) == ("fp_registry", False, True)
    await connection.close()
    await admin.close()
