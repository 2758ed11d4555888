"""What a migration makes of an installation that is there already."""

import shutil
from importlib import resources
from pathlib import Path

import pytest
from fp_auth.adapters.postgres.users import PostgresUsers
from fp_kernel import new_id
from fp_postgres import Database, migrate

MIGRATIONS = Path(str(resources.files("fp_auth") / "migrations"))
# As code before the operator wrote it, and read it.
ADD = """
INSERT INTO users (id, email, name, team, role, created_at, password_hash)
VALUES ($1, $2, '', $3, $4, timestamptz '2013-03-01Z', 'hash')
"""


def before_operators(folder: Path) -> None:
    for file in MIGRATIONS.glob("000[123]_*.sql"):
        shutil.copy(file, folder)


@pytest.mark.parametrize(
    ("teams", "chosen"),
    [(["alpha", "platform", "platform"], 1), (["alpha", "beta"], 0), ([], None)],
    ids=["the team of the platform first", "else the first of all", "nobody there"],
)
async def test_the_first_admin_becomes_the_operator_and_code_before_finds_an_admin(
    database_url, tmp_path, teams, chosen
):
    before_operators(tmp_path)
    await migrate(database_url, tmp_path, service="auth")
    database = await Database.connect(database_url, source="auth")
    try:
        ids = [new_id() for _ in teams]
        for number, (user_id, team) in enumerate(zip(ids, teams, strict=True)):
            await database.execute(ADD, user_id, f"{number}@example.com", team, "admin")
        await migrate(database_url, MIGRATIONS, service="auth")
        await database.execute(ADD, new_id(), "later@example.com", "alpha", "admin")
        users = PostgresUsers(database)
        operators = {user_id for user_id in ids if (await users.find(user_id)).role == "operator"}
        assert operators == ({ids[chosen]} if chosen is not None else set())
        assert await database.fetchval("SELECT count(*) FROM users WHERE role = 'admin'") == len(teams) + 1
    finally:
        await database.close()


async def test_addresses_take_their_normal_form_and_none_takes_anothers(database_url, tmp_path):
    before_operators(tmp_path)
    await migrate(database_url, tmp_path, service="auth")
    database = await Database.connect(database_url, source="auth")
    try:
        for email in ("zoe\u0308@example.com", "lou\u00eb@example.com", "loue\u0308@example.com", "ada@example.com"):
            await database.execute(ADD, new_id(), email, "alpha", "viewer")
        await migrate(database_url, MIGRATIONS, service="auth")
        found = [row["email"] for row in await database.fetch("SELECT email FROM users ORDER BY id")]
        assert found == ["zo\u00eb@example.com", "lou\u00eb@example.com", "loue\u0308@example.com", "ada@example.com"]
    finally:
        await database.close()


async def test_teams_that_are_there_get_rows(database_url, tmp_path):
    before_operators(tmp_path)
    await migrate(database_url, tmp_path, service="auth")
    database = await Database.connect(database_url, source="auth")
    try:
        for number, team in enumerate(("alpha", "beta", "alpha")):
            await database.execute(ADD, new_id(), f"{number}@example.com", team, "viewer")
        await migrate(database_url, MIGRATIONS, service="auth")
        found = await database.fetch("SELECT id, display_name, suspended_at FROM teams ORDER BY id")
        assert [tuple(row) for row in found] == [("alpha", "alpha", None), ("beta", "beta", None)]
    finally:
        await database.close()
