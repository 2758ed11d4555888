import pytest_asyncio
from fp_postgres import Database, migrate


@pytest_asyncio.fixture
async def database(database_url, tmp_path):
    """A migrated database with one table of a service's own."""
    (tmp_path / "0001_things.sql").write_text("create table things (id text primary key, value int not null);")
    await migrate(database_url, tmp_path, service="things")
    opened = await Database.connect(database_url, source="things")
    yield opened
    await opened.close()
