"""A replica dies at each step of a rotation: the keys and what others are told of them stay one thing."""

import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import resources

from fp_auth.adapters.postgres.api_keys import PostgresApiKeys
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.app.rotate_api_key import RotateApiKey
from fp_auth.domain.api_keys import ApiKey
from fp_auth.domain.users import User
from fp_kernel import Command, Principal, Replayed, new_id
from fp_postgres import Database, DatabaseTransactions
from fp_testkit.wallclock import RunningClock

NOW = datetime(2013, 3, 1, tzinfo=UTC)
MIGRATIONS = resources.files("fp_auth") / "migrations"
COMMAND = Command("alpha", "/RotateAPIKey", "once", b"f" * 32, lambda issued: issued.raw_key.encode())


def owner(user_id: str) -> Principal:
    return Principal(user_id, "alpha", "viewer", frozenset({"models:read"}), expires_at=0)


async def rotate(database: Database, user_id: str, key_id: str) -> None:
    use_case = RotateApiKey(DatabaseTransactions(database, PostgresTransaction), secrets.token_bytes, RunningClock())
    await use_case(owner(user_id), key_id, timedelta(0), command=COMMAND)


async def scenario(crash, url: str, user_id: str, key_id: str) -> None:
    await rotate(crash.wrap(await Database.connect(url, source="auth")), user_id, key_id)


async def test_a_rotation_is_whole_or_not_at_all_and_can_be_repeated(kill_at, databases):
    async def arrange() -> tuple[str, str, str]:
        url = await databases.create(MIGRATIONS, service="auth")
        user = User(new_id(), "ada@example.com", "", "alpha", "viewer", NOW, "hash")
        key = ApiKey(new_id(), "alpha", user.id, "", "fp_AAAAA", frozenset({"models:read"}), NOW)
        database = await Database.connect(url, source="auth")
        async with DatabaseTransactions(database, PostgresTransaction)() as tx:
            await tx.users.add(user)
            await tx.api_keys.add(key, b"h" * 32, user.id)
        await database.close()
        return url, user.id, key.id

    async def check(run) -> None:
        url, user_id, key_id = run.arguments
        database = await Database.connect(url, source="auth")
        try:
            assert await facts(database) == ((2, 1, 2) if run.completed else (1, 0, 0)) or await done(database)
            with suppress(Replayed):
                await rotate(database, user_id, key_id)
            assert await done(database)
            old = await PostgresApiKeys(database).find_by_hash(b"h" * 32)
            assert not old.key.valid(NOW)
        finally:
            await database.close()

    assert await kill_at(scenario, check, arrange=arrange) >= 7


async def done(database: Database) -> bool:
    return await facts(database) == (2, 1, 2)


async def facts(database: Database) -> tuple[int, int, int]:
    """Keys, revoked keys, events to be told."""
    row = await database.fetchrow(
        """
        SELECT (SELECT count(*) FROM api_keys),
               (SELECT count(*) FROM api_keys WHERE revoked_at IS NOT NULL),
               (SELECT count(*) FROM fp_outbox)
        """
    )
    return tuple(row)
