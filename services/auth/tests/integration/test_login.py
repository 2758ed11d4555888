import asyncio
from datetime import timedelta

import argon2
from fp_auth.domain.lockout import ADDRESS as ADDRESS_POLICY
from fp_kernel import InvalidArgument, ResourceExhausted, Unauthenticated

ADDRESS = "203.0.113.7"
PASSWORD = "a-river-and-9-lanterns"


async def login(world, email="ada@example.com", password=PASSWORD, address=ADDRESS):
    return await world.do.login(email, password, address=address)


async def fail(world, refused, times, **where):
    for _ in range(times):
        with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
            await login(world, password="not-the-password", **where)


async def test_a_login_answers_the_user_and_both_tokens_with_their_ends(world):
    user = await world.user("engineer", email="ada@example.com")
    session = await login(world, "Ada@Example.com")
    assert session.user == user
    assert session.expires_at == world.now() + timedelta(minutes=15)
    assert session.refresh_expires_at == world.now() + timedelta(days=30)
    claims = await world.do.validate_token(session.access_token)
    assert (claims.subject, claims.team, claims.role) == (user.id, "alpha", "engineer")
    assert claims.scopes == (await world.stores.roles.find("engineer")).scopes


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(world, refused):
    await world.user(email="ada@example.com")
    await fail(world, refused, 1)
    await fail(world, refused, 1, email="nobody@example.com")


async def test_missing_fields_are_named(world, refused):
    with refused(InvalidArgument, field="email"):
        await login(world, email="")
    with refused(InvalidArgument, field="password"):
        await login(world, password="")


async def test_an_account_that_failed_often_waits_even_with_the_right_password(world, refused):
    await world.user(email="ada@example.com")
    await fail(world, refused, 5)
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await login(world)
    world.clock.advance(2)
    await login(world)


async def test_the_wait_grows_with_each_failure(world):
    await world.user(email="ada@example.com")
    waits = []
    for _ in range(9):
        try:
            await login(world, password="not-the-password")
        except ResourceExhausted as locked:
            waits.append(locked.retry_after)
            world.clock.advance(locked.retry_after)
        except Unauthenticated:
            pass
    assert waits == [2.0, 4.0]


async def test_an_unknown_account_is_locked_like_a_known_one(world, refused):
    await fail(world, refused, 5, email="nobody@example.com")
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await login(world, email="nobody@example.com")


async def test_an_address_that_tries_many_accounts_waits_for_all_of_them(world, refused):
    await world.user(email="ada@example.com")
    for number in range(ADDRESS_POLICY.free):
        await fail(world, refused, 1, email=f"user{number}@example.com")
    with refused(ResourceExhausted):
        await login(world)
    await login(world, address="203.0.113.8")


async def test_a_right_password_frees_the_account_but_not_the_address(world, refused):
    await world.user(email="ada@example.com")
    for number in range(ADDRESS_POLICY.free - 1):
        await fail(world, refused, 1, email=f"user{number}@example.com")
    await login(world)
    await fail(world, refused, 1, email="one-more@example.com")
    with refused(ResourceExhausted):
        await login(world)


async def test_guesses_sent_at_once_all_count(world):
    await world.user(email="ada@example.com")
    results = await asyncio.gather(
        *(login(world, password=f"guess number {number}") for number in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, Unauthenticated) for result in results) == 5
    assert sum(isinstance(result, ResourceExhausted) for result in results) == 15


async def test_a_login_strengthens_a_hash_of_older_parameters(world):
    user = await world.user(email="ada@example.com")
    await world.stores.users.set_password_hash(user.id, weak_hash())
    session = await login(world)
    assert session.user.id == user.id
    kept = await world.stores.users.find(user.id)
    assert kept is not None
    assert not world.hasher.outdated(kept.password_hash)


def weak_hash():
    return argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=1, hash_len=4).hash(PASSWORD)


async def test_what_people_type_as_address_is_not_kept_in_the_clear(world, refused):
    await fail(world, refused, 1, email="secret-typed-here@example.com")
    assert not any(b"secret-typed-here" in subject for subject in await world.column("SELECT key FROM login_attempts"))


async def test_a_locked_address_leaves_no_trace_of_the_accounts_it_makes_up(world, refused):
    for number in range(ADDRESS_POLICY.free):
        await fail(world, refused, 1, email=f"user{number}@example.com")
    counted = await world.column("SELECT key FROM login_attempts")
    with refused(ResourceExhausted):
        await login(world, email="made-up@example.com")
    assert await world.column("SELECT key FROM login_attempts") == counted
