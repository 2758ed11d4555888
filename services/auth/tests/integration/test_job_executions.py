"""The tokens of jobs end with their execution."""

from datetime import timedelta

import pytest
from fp_auth.app.end_execution import EndExecution
from fp_auth.retention import Prune
from fp_kernel import FailedPrecondition


@pytest.fixture
async def pipeline(world):
    return await world.caller(await world.user(), role="service", service="pipeline")


@pytest.fixture
def end(world):
    return EndExecution(world.transactions, world.clock)


async def issued(world, pipeline, execution_id="e1", hours=2):
    life = timedelta(hours=hours)
    return await world.do.issue_job_token(pipeline, execution_id=execution_id, step_id="train", life=life)


async def withdrawn(world):
    return await world.column("SELECT kind || ':' || id FROM withdrawals WHERE before IS NULL")


async def test_the_end_of_an_execution_ends_its_tokens_in_every_replica(world, pipeline, end):
    await issued(world, pipeline)
    await end("e1", "alpha")

    assert await withdrawn(world) == ["execution:e1"]
    (event,) = await world.events()
    assert (event.type, event.team, event.payload.reason) == ("fp.auth.identity.ended", "alpha", "finished")


async def test_after_its_end_no_token_is_issued(world, pipeline, end, refused):
    await issued(world, pipeline)
    await end("e1", "alpha")
    with refused(FailedPrecondition, field="execution_id", reason="EXECUTION_ENDED"):
        await issued(world, pipeline)


async def test_an_event_that_comes_twice_ends_it_once(world, pipeline, end):
    await issued(world, pipeline)
    await end("e1", "alpha")
    await end("e1", "alpha")
    assert len(await world.events()) == 1


async def test_an_execution_without_tokens_needs_no_withdrawal(world, pipeline, end):
    await end("e1", "alpha")
    await issued(world, pipeline, "e2", hours=1)
    world.clock.advance(3_600)
    await end("e2", "alpha")
    assert await withdrawn(world) == []


async def test_another_team_neither_ends_it_nor_gets_its_tokens(world, pipeline, end, refused):
    await issued(world, pipeline)
    await end("e1", "beta")
    assert await withdrawn(world) == []
    stranger = await world.caller(await world.user(team="beta"), role="service", service="pipeline")
    with refused(FailedPrecondition, reason="EXECUTION_ENDED"):
        await issued(world, stranger)


async def test_it_is_forgotten_when_its_last_token_has_ended(world, pipeline):
    await issued(world, pipeline, hours=1)
    await issued(world, pipeline, hours=3)
    world.clock.advance(2 * 3_600)
    await Prune(world.transactions, world.clock)()
    assert await world.column("SELECT execution_id FROM job_executions") == ["e1"]
    world.clock.advance(2 * 3_600)
    await Prune(world.transactions, world.clock)()
    assert await world.column("SELECT execution_id FROM job_executions") == []
