"""Passwords of services at the stores are replaced while the stores run."""

import asyncpg
import pytest
import redis
from fp_devstack import Stack
from fp_devstack.failures import StoreFailed
from fp_devstack.files import read_json
from fp_devstack.store_access import NatsAccess, RedisAccess, StoreAccess
from fp_devstack.stores import signing
from fp_devstack.stores.postgres import PASSWORD
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


def renew_logins(stack):
    stack.make_passwords()
    stack.give_passwords()


async def administers(endpoints):
    """Whether they are an administrator's at each store."""
    return await entered(endpoints, endpoints.postgres_admin_url)


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
    administrator = stack.endpoints
    assert await administers(administrator) == (True,) * 4

    renew_logins(stack)
    new, new_url = stack.endpoints_of("registry"), stack.create_database("registry")

    # The programs read their files when they come to it.
    bound = Bound()
    while await entered(old, old_url) != (False,) * 4 or await entered(new, new_url) != (True,) * 4:
        assert not bound.over, (await entered(old, old_url), await entered(new, new_url))
    while await administers(administrator) != (False,) * 4 or await administers(stack.endpoints) != (True,) * 4:
        assert not bound.over, (await administers(administrator), await administers(stack.endpoints))


async def test_a_start_after_that_has_the_new_ones(tmp_path):
    with Stack(tmp_path / "data", accesses=ACCESSES, durable=False) as first:
        renew_logins(first)
        new, url = first.endpoints_of("registry"), first.create_database("registry")
    with Stack(tmp_path / "data", accesses=ACCESSES, durable=False) as second:
        assert (second.endpoints_of("registry"), second.create_database("registry")) == (new, url)
        assert await entered(new, url) == (True,) * 4
        assert await administers(second.endpoints) == (True,) * 4


@pytest.mark.parametrize("killed", ["before the server has it", "before the file has it"])
async def test_who_dies_while_the_administrator_of_postgres_gets_a_new_password_ends_it_at_the_next_start(
    tmp_path, monkeypatch, killed
):
    with Stack(tmp_path / "data", stores=("postgres",), durable=False) as first:
        first.make_passwords()
        if killed == "before the file has it":
            monkeypatch.setattr(first.secrets, "follow", lambda _: None)
            first.give_passwords()
    old = first.secrets.token(PASSWORD)
    with Stack(tmp_path / "data", stores=("postgres",), durable=False) as second:
        assert await enters_database(second.endpoints.postgres_admin_url)
        assert not await enters_database(
            second.endpoints.postgres_admin_url.replace(second.secrets.token(PASSWORD), old)
        )


async def test_no_password_comes_into_the_log_of_a_server_that_logs_every_statement(stack):
    admin = await asyncpg.connect(stack.endpoints.postgres_admin_url)
    await admin.execute("ALTER ROLE fp_admin SET log_statement = 'all'")
    renew_logins(stack)
    url = stack.create_database("registry")
    log = (stack.folder / "logs" / "postgres.log").read_text()

    assert "alter role" in log
    assert "SCRAM-SHA-256$" in log
    assert not [name for name, secret in read_json(stack.folder / "secrets.json").items() if secret in log]
    assert await enters_database(url)
    await admin.execute("ALTER ROLE fp_admin RESET log_statement")
    await admin.close()


def test_a_store_that_does_not_take_them_says_so(tmp_path, monkeypatch):
    with Stack(tmp_path / "data", stores=("valkey",), accesses=ACCESSES, durable=False) as running:
        monkeypatch.setattr(Valkey, "_users", lambda _: "user registry nonsense\n")

        with pytest.raises(StoreFailed):
            renew_logins(running)


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
