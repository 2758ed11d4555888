from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from fp_postgres import Database

MIGRATIONS = Path(__file__).parent / "migrations"


@pytest_asyncio.fixture
async def url(databases) -> str:
    return await databases.create(MIGRATIONS)


@pytest_asyncio.fixture
async def database(url) -> AsyncIterator[Database]:
    database = await Database.connect(url, source="test")
    yield database
    await database.close()
