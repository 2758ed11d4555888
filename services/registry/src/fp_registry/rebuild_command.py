"""`python -m fp_registry rebuild`: fill the projection anew while the service goes on."""

import asyncio
import sys

from fp_kernel import Error, FailedPrecondition, SystemClock
from fp_postgres import Database
from fp_redis import WRITE_TIMEOUT, RedisClient
from fp_runtime import InvalidSettings, PostgresSettings, RedisSettings, load

from fp_registry.adapters.postgres.changes import PostgresChanges
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.api.read_model import MessageDocuments
from fp_registry.app.rebuild import Rebuild

_PATIENCE = 60.0
_PAUSE = 1.0


class RebuildSettings(PostgresSettings, RedisSettings):
    """Only the two stores."""


def main() -> int:
    """The exit code: 0 done, 1 not done with one line that says why, 2 a setting is missing or invalid."""
    try:
        settings = load(RebuildSettings)
    except InvalidSettings as error:
        sys.stderr.write(f"registry: {error}\n")
        return 2
    try:
        models = asyncio.run(_rebuild(settings))
    except Error as error:
        sys.stderr.write(f"registry: not rebuilt: {error.message}\n")
        return 1
    sys.stdout.write(f"{models} models are in the projection\n")
    return 0


async def _rebuild(settings: RebuildSettings) -> int:
    database = await Database.connect(settings.database_url.get_secret_value(), source="registry")
    url = settings.redis_url.get_secret_value()
    link = RedisClient.open(url, SystemClock(), store="the projection", timeout=WRITE_TIMEOUT)
    try:
        rebuild = Rebuild(PostgresChanges(database), RedisGenerations(link, MessageDocuments()))
        return await _when_free(rebuild)
    finally:
        await link.close()
        await database.close()


async def _when_free(rebuild: Rebuild) -> int:
    """Another rebuild may be at work, for instance after a restart of the store; wait for its end."""
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while True:
        try:
            return await rebuild(_show)
        except FailedPrecondition:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(_PAUSE)


def _show(models: int) -> None:
    sys.stderr.write(f"{models} models\r")
