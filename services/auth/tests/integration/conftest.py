from collections.abc import AsyncIterator
from importlib import resources

import pytest
from fp_auth.adapters.memory.stores import MemoryAuthTransactions, MemoryStores
from fp_auth.adapters.postgres.stores import PostgresStores, PostgresTransactions
from fp_auth.domain.users import Role
from fp_postgres import Database

MIGRATIONS = resources.files("fp_auth") / "migrations"


@pytest.fixture
async def database(databases) -> AsyncIterator[Database]:
    opened = await Database.connect(await databases.create(MIGRATIONS, service="auth"), source="auth")
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "postgres"])
def kept(request):
    """Stores and transactions over them, in memory and in Postgres: they keep the same promises."""
    if request.param == "memory":
        stores = MemoryStores([Role("admin", frozenset({"*:*"})), Role("viewer", frozenset({"models:read"}))])
        return stores, MemoryAuthTransactions(stores)
    opened = request.getfixturevalue("database")
    return PostgresStores(opened), PostgresTransactions(opened)


@pytest.fixture
def stores(kept):
    return kept[0]


@pytest.fixture
def transactions(kept):
    return kept[1]
