"""Every SQL statement of a package keeps its index, at any size and after any number of runs.

    TABLE = {
        "users.PostgresUsers.find": uses("users_pkey"),
        "users.PostgresUsers.page": uses("users_of_team", "team-7", None, 21),
    }

    async def test_every_statement_keeps_its_index(databases):
        url = await databases.create(MIGRATIONS, service="auth")
        await check("fp_auth", url, TABLE, fill=FILL, small=frozenset({"roles"}))

See docs/how-to/test-sql-statements.md.
"""

from fp_testkit.statements.checking import Uses, check, uses

__all__ = ["Uses", "check", "uses"]
