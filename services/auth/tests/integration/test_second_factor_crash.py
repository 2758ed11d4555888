"""A replica dies at each step of a login with a code: the code opens one session, or is still good."""

import secrets
from datetime import UTC, datetime
from importlib import resources
from types import SimpleNamespace

import argon2
from auth_second_factor import logins
from fp_auth.adapters.argon2 import Argon2Hasher
from fp_auth.adapters.passcodes import TotpPasscodes
from fp_auth.adapters.postgres.transactions import PostgresTransaction
from fp_auth.adapters.postgres.users import PostgresUsers
from fp_auth.app.count_attempts import CountAttempts
from fp_auth.app.session import IssueTokens, OpenSession
from fp_auth.app.verify_password import VerifyPassword
from fp_auth.domain.second_factors import SecondFactor, factor_context, step_of
from fp_auth.domain.users import User
from fp_kernel import Unauthenticated, new_id
from fp_postgres import Database, DatabaseTransactions
from fp_sealing import Envelope, KeyRing
from fp_testkit.clock import ManualClock

NOON = datetime(2013, 3, 1, 12, tzinfo=UTC)
MIGRATIONS = resources.files("fp_auth") / "migrations"
EMAIL, PASSWORD, SECRET = "ada@example.com", "a-river-and-9-lanterns", b"12345678901234567890"
CODE = TotpPasscodes().code(SECRET, step_of(NOON))
HASHER = Argon2Hasher(
    argon2.Parameters(
        type=argon2.Type.ID, version=19, salt_len=8, hash_len=16, time_cost=1, memory_cost=8, parallelism=1
    )
)


async def login(database: Database) -> None:
    clock, transactions = ManualClock(NOON), DatabaseTransactions(database, PostgresTransaction)
    users, attempts = PostgresUsers(database), CountAttempts(transactions, clock)
    world = SimpleNamespace(
        database=database,
        transactions=transactions,
        clock=clock,
        attempts=attempts,
        stores=SimpleNamespace(users=users),
        verify=VerifyPassword(users, transactions, HASHER, attempts),
    )
    issue = IssueTokens(SimpleNamespace(sign=lambda _: "token"), secrets.token_bytes)
    open_session = OpenSession(transactions, issue, clock)
    await logins(world, open_session)["login"](EMAIL, PASSWORD, code=CODE, address="203.0.113.7")


async def scenario(crash, url: str) -> None:
    await login(crash.wrap(await Database.connect(url, source="auth")))


async def test_a_code_opens_a_session_or_is_good_for_the_next_try(kill_at, databases):
    async def arrange() -> tuple[str]:
        url = await databases.create(MIGRATIONS, service="auth")
        database = await Database.connect(url, source="auth")
        await person(database)
        await database.close()
        return (url,)

    async def check(run) -> None:
        database = await Database.connect(run.arguments[0], source="auth")
        try:
            opened = await database.fetchval("SELECT count(*) FROM refresh_families")
            used = await database.fetchval("SELECT last_step = $1 FROM second_factors", step_of(NOON))
            assert used is (opened == 1)
            try:
                await login(database)
            except Unauthenticated:
                assert opened == 1
            assert await database.fetchval("SELECT count(*) FROM refresh_families") == 1
        finally:
            await database.close()

    assert await kill_at(scenario, check, arrange=arrange) >= 10


async def person(database: Database) -> None:
    """Somebody whose second factor is turned on."""
    user = User(new_id(), EMAIL, "", "alpha", "viewer", NOON, await HASHER.hash(PASSWORD))
    keys, envelope = KeyRing([bytes(32)]), Envelope()
    data_key, context = envelope.new_key(), factor_context(user.id)
    wrapped = await keys.wrap(data_key, context)
    factor = SecondFactor(user.id, new_id(), wrapped, envelope.seal(data_key, SECRET, context), NOON)
    async with DatabaseTransactions(database, PostgresTransaction)() as tx:
        await tx.users.add(user)
        await tx.second_factors.begin(factor)
        await tx.second_factors.confirm(user.id, factor.id, step_of(NOON) - 2, NOON)
