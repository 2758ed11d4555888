import asyncio
from datetime import timedelta

import pytest
from fp_auth.retention import Prune
from fp_kernel import InvalidArgument, Unauthenticated

PASSWORD = "a-river-and-9-lanterns"


@pytest.fixture
async def session(world):
    await world.user("viewer", email="ada@example.com")
    return await world.do.login("ada@example.com", PASSWORD, address="")


async def test_a_refresh_answers_a_new_pair(world, session):
    world.clock.advance(600)
    fresh = await world.do.refresh(session.refresh_token)
    assert fresh.refresh_token != session.refresh_token
    assert fresh.expires_at == world.now() + timedelta(minutes=15)
    assert (await world.do.validate_token(fresh.access_token)).subject == session.user.id


async def test_a_refreshed_token_says_what_the_role_is_now(world, session):
    await world.stores.users.set_role(session.user.id, "engineer")
    fresh = await world.do.refresh(session.refresh_token)
    assert (await world.do.validate_token(fresh.access_token)).role == "engineer"


async def test_reuse_of_a_spent_token_kills_the_whole_family(world, session, refused):
    fresh = await world.do.refresh(session.refresh_token)
    world.clock.advance(30)
    with refused(Unauthenticated, reason="REFRESH_TOKEN_REUSED"):
        await world.do.refresh(session.refresh_token)
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(fresh.refresh_token)


async def test_reuse_does_not_touch_another_session_of_the_same_user(world, session, refused):
    other = await world.do.login("ada@example.com", PASSWORD, address="")
    await world.do.refresh(session.refresh_token)
    world.clock.advance(30)
    with refused(Unauthenticated):
        await world.do.refresh(session.refresh_token)
    await world.do.refresh(other.refresh_token)


async def test_two_tabs_that_wake_up_at_once_both_go_on(world, session):
    one, two = await asyncio.gather(*(world.do.refresh(session.refresh_token) for _ in range(2)))
    assert one.refresh_token != two.refresh_token
    # They share a cookie: whichever answer came last is the token that goes on.
    await world.do.refresh(two.refresh_token)


async def test_after_a_lost_answer_the_same_token_is_replaced_once_more(world, session):
    lost = await world.do.refresh(session.refresh_token)
    world.clock.advance(29)
    fresh = await world.do.refresh(session.refresh_token)
    assert fresh.refresh_token != lost.refresh_token
    assert (await world.do.refresh(fresh.refresh_token)).user == session.user


async def test_a_copy_that_comes_after_the_successor_was_used_kills_the_family(world, session, refused):
    """Within the grace as well: the holder of the successor is there, so that nobody's answer was lost."""
    fresh = await world.do.refresh(session.refresh_token)
    later = await world.do.refresh(fresh.refresh_token)
    with refused(Unauthenticated, reason="REFRESH_TOKEN_REUSED"):
        await world.do.refresh(session.refresh_token)
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(later.refresh_token)


async def test_of_two_successors_the_one_that_is_used_ends_the_other(world, session, refused):
    """A thief who took the token in its grace has a successor as well: one of the two is found out."""
    owners = await world.do.refresh(session.refresh_token)
    thiefs = await world.do.refresh(session.refresh_token)
    await world.do.refresh(owners.refresh_token)
    with refused(Unauthenticated, reason="REFRESH_TOKEN_REUSED"):
        await world.do.refresh(thiefs.refresh_token)
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(owners.refresh_token)


async def test_an_idle_session_is_over(world, session, refused):
    world.clock.advance(timedelta(days=30).total_seconds())
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(session.refresh_token)


async def test_a_session_in_use_is_over_after_its_longest_life(world, session, refused):
    token = session.refresh_token
    for _ in range(9):
        world.clock.advance(timedelta(days=9).total_seconds())
        token = (await world.do.refresh(token)).refresh_token
    world.clock.advance(timedelta(days=9).total_seconds())
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(token)


async def test_logout_ends_the_family(world, session, refused):
    fresh = await world.do.refresh(session.refresh_token)
    await world.do.logout(fresh.refresh_token)
    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(fresh.refresh_token)


async def test_logout_tells_nothing_about_unknown_tokens(world):
    await world.do.logout("fpr_unknown")


@pytest.mark.parametrize("token", ["", "x" * 201])
async def test_what_cannot_be_a_token_is_named(world, refused, token):
    with refused(InvalidArgument, field="refresh_token"):
        await world.do.refresh(token)
    with refused(InvalidArgument, field="refresh_token"):
        await world.do.logout(token)


async def test_more_sessions_than_a_bite_holds_are_all_deleted(world, session, monkeypatch):
    monkeypatch.setattr("fp_auth.retention._BITE", 1)
    await world.do.login("ada@example.com", PASSWORD, address="")
    world.clock.advance(timedelta(days=91).total_seconds())
    assert await Prune(world.transactions, world.clock)() == 2
    assert not await world.column("SELECT id FROM refresh_families")


async def test_sessions_that_ended_by_age_are_deleted(world, session):
    world.clock.advance(timedelta(days=91).total_seconds())
    assert await Prune(world.transactions, world.clock)() == 1
    assert not await world.column("SELECT id FROM refresh_families")
    assert not await world.column("SELECT token_hash FROM refresh_tokens")
