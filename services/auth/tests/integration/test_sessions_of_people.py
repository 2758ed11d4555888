"""Sessions as their person and his admin see them."""

from datetime import timedelta

import pytest
from fp_auth.adapters.postgres.withdrawals import PostgresWithdrawals
from fp_kernel import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
    new_id,
)

PASSWORD = "a-river-and-9-lanterns"
OTHER = "another-hill-with-7-trees"


def of_alpha(team):
    return team == "alpha"


@pytest.fixture
async def ann(world):
    return await world.user("engineer", email="ann@example.com")


@pytest.fixture
async def admin(world):
    return await world.caller(await world.user("admin"))


async def logged_in(world, user, password=PASSWORD, address="10.0.0.7"):
    """The session, and a caller with its token."""
    session = await world.do.login(user.email, password, address=address)
    claims = world.signer.issued[session.access_token]
    issued = claims.issued_at.timestamp()
    return session, await world.caller(user, session_id=claims.session_id, issued_at=issued)


async def listed(world, caller, user_id="", **page):
    found = await world.do.people.sessions(
        caller, user_id, **({"page_size": 10, "page_token": ""} | page), may_see=of_alpha
    )
    return [each.id for each in found.items]


async def withdrawn(world):
    pages = PostgresWithdrawals(world.database).pages()
    return {each.id: each async for page in pages for each in page}


async def test_sessions_are_listed_with_where_they_came_from_and_when_they_were_used(world, ann):
    session, caller = await logged_in(world, ann, address="10.0.0.7")
    world.clock.advance(timedelta(hours=1).total_seconds())
    await world.do.refresh(session.refresh_token)
    await logged_in(world, ann, address="10.0.0.8")

    page = await world.do.people.sessions(caller, "", page_size=10, page_token="", may_see=of_alpha)

    first, second = page.items
    assert (first.id, first.address, first.last_used_at) == (caller.session_id, "10.0.0.7", world.now())
    assert first.started_at == world.now() - timedelta(hours=1)
    assert second.address == "10.0.0.8"


async def test_a_session_that_was_idle_for_too_long_is_no_session(world, ann):
    await logged_in(world, ann)
    world.clock.advance(timedelta(days=31).total_seconds())
    _, caller = await logged_in(world, ann)
    assert await listed(world, caller) == [caller.session_id]


async def test_sessions_come_page_by_page(world, ann):
    callers = [(await logged_in(world, ann))[1] for _ in range(3)]
    first = await world.do.people.sessions(callers[0], "", page_size=2, page_token="", may_see=of_alpha)
    rest = await listed(world, callers[0], page_size=2, page_token=first.next_token)
    assert [each.id for each in first.items] + rest == sorted(caller.session_id for caller in callers)


async def test_an_ended_session_is_worth_nothing_with_its_tokens_and_the_others_go_on(world, ann, refused):
    session, caller = await logged_in(world, ann)
    other, _ = await logged_in(world, ann)

    await world.do.end_session(caller, caller.session_id, may_see=of_alpha)

    with refused(Unauthenticated, reason="SESSION_OVER"):
        await world.do.refresh(session.refresh_token)
    await world.do.refresh(other.refresh_token)
    said = (await withdrawn(world))[caller.session_id]
    assert (said.kind, said.before) == ("session", None)
    assert caller.session_id not in await listed(world, caller)


async def test_a_logout_ends_the_access_token_too(world, ann):
    session, caller = await logged_in(world, ann)
    await world.do.logout(session.refresh_token)
    assert list(await withdrawn(world)) == [caller.session_id]


async def test_a_refresh_token_that_comes_twice_ends_the_access_tokens_of_its_session(world, ann, refused):
    session, caller = await logged_in(world, ann)
    await world.do.refresh(session.refresh_token)
    world.clock.advance(timedelta(minutes=5).total_seconds())
    with refused(Unauthenticated):
        await world.do.refresh(session.refresh_token)
    assert list(await withdrawn(world)) == [caller.session_id]


async def test_an_admin_sees_and_ends_the_sessions_of_his_team_and_nobody_elses(world, ann, admin, refused):
    stranger = await world.user(team="beta")
    _, his = await logged_in(world, ann)
    _, strangers = await logged_in(world, stranger)
    colleague = await world.caller(await world.user("engineer"))

    assert await listed(world, admin, ann.id) == [his.session_id]
    for caller, owner, session in ((admin, stranger.id, strangers.session_id), (colleague, ann.id, his.session_id)):
        with refused(NotFound):
            await listed(world, caller, owner)
        with refused(NotFound):
            await world.do.end_session(caller, session, may_see=of_alpha)
        with refused(NotFound):
            await world.do.log_out_everywhere(caller, owner, may_see=of_alpha)
    await world.do.end_session(admin, his.session_id, may_see=of_alpha)
    assert await listed(world, admin, ann.id) == []


async def test_an_admin_does_not_end_the_sessions_of_who_may_more(world, admin, refused):
    operator = await world.user("operator", team="platform")
    _, his = await logged_in(world, operator)
    with refused(PermissionDenied, field="user_id"):
        await world.do.end_session(admin, his.session_id, may_see=lambda _: True)


async def test_logging_out_everywhere_ends_every_login_and_no_key(world, ann, refused):
    (first, caller), (second, _) = await logged_in(world, ann), await logged_in(world, ann)
    key = await world.do.create_api_key(caller, user_id="", scopes=["models:read"], expires_at=None, name="")
    world.clock.advance(timedelta(minutes=1).total_seconds())

    await world.do.log_out_everywhere(caller, caller.user_id, may_see=of_alpha)

    for session in (first, second):
        with refused(Unauthenticated, reason="SESSION_OVER"):
            await world.do.refresh(session.refresh_token)
    said = (await withdrawn(world))[ann.id]
    assert (said.kind, said.before, said.spared_session) == ("user", world.now(), "")
    await world.do.validate_token(key.raw_key)
    await logged_in(world, ann)


async def test_a_token_of_a_replica_whose_clock_is_ahead_ends_as_well(world, ann):
    world.clock.advance(timedelta(seconds=3).total_seconds())
    _, caller = await logged_in(world, ann)
    world.clock.set_wall(world.now() - timedelta(seconds=3))
    await world.do.log_out_everywhere(caller, caller.user_id, may_see=of_alpha)
    said = (await withdrawn(world))[ann.id]
    assert caller.issued_at < said.before.timestamp()


async def test_an_unknown_session_is_not_found(world, ann, refused):
    _, caller = await logged_in(world, ann)
    with refused(NotFound, reason="SESSION_NOT_FOUND"):
        await world.do.end_session(caller, new_id(), may_see=of_alpha)
    with refused(InvalidArgument, field="session_id"):
        await world.do.end_session(caller, "x", may_see=of_alpha)


async def test_a_request_that_names_nobody_logs_nobody_out(world, ann, refused):
    _, caller = await logged_in(world, ann)
    with refused(InvalidArgument, field="user_id"):
        await world.do.log_out_everywhere(caller, "", may_see=of_alpha)
