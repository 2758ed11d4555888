"""Signals between replicas."""

import asyncio

import pytest
from fp_postgres.signals import Signals, notify
from fp_testkit.patience import PATIENCE

CHANNEL = "test"


@pytest.fixture
async def signals(database):
    heard = Signals(database, CHANNEL)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(heard.run())
        with heard.subscribe("ready") as ready:
            assert await ready.wait(PATIENCE), "everyone is woken when the connection stands"
        yield heard
        listening.cancel()


async def test_a_signal_comes_with_the_commit_and_to_its_topic_only(database, signals):
    with signals.subscribe("one") as one, signals.subscribe("two") as two:
        async with database.transaction() as tx:
            await notify(tx, CHANNEL, "one")
            assert not await one.wait(0.05)
        assert await one.wait(PATIENCE)
        assert not await two.wait(0.05)


async def test_a_failed_transaction_signals_nothing(database, signals):
    with signals.subscribe("one") as one:
        with pytest.raises(ZeroDivisionError):
            async with database.transaction() as tx:
                await notify(tx, CHANNEL, "one")
                raise ZeroDivisionError
        assert not await one.wait(0.05)


async def test_a_lost_connection_is_made_again_and_everyone_looks(database, signals):
    with signals.subscribe("one") as one:
        await database.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE query LIKE 'LISTEN%' AND usename = current_user AND datname = current_database()
            """
        )
        assert await one.wait(PATIENCE)
        async with database.transaction() as tx:
            await notify(tx, CHANNEL, "one")
        assert await one.wait(PATIENCE)
