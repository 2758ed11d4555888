import asyncio
from datetime import timedelta

import argon2
from fp_auth.domain.lockout import PAIR, LockoutPolicy
from fp_kernel import AlreadyExists, InvalidArgument, ResourceExhausted, Unauthenticated

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


async def test_an_account_from_before_the_normal_form_is_still_found_and_not_made_twice(world, refused):
    user = await world.user(email="ada@b\u00fccher.example")
    assert (await login(world, "Ada@B\u00fccher.example")).user == user
    with refused(AlreadyExists):
        await world.do.create_user(
            await world.caller(await world.user("admin")),
            email="ada@b\u00fccher.example",
            name="",
            password=PASSWORD,
            team="alpha",
        )


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(world, refused):
    await world.user(email="ada@example.com")
    await fail(world, refused, 1)
    await fail(world, refused, 1, email="nobody@example.com")


async def test_missing_fields_are_named(world, refused):
    with refused(InvalidArgument, field="email"):
        await login(world, email="")
    with refused(InvalidArgument, field="password"):
        await login(world, password="")


async def test_an_account_that_failed_often_waits_there_even_with_the_right_password(world, refused):
    await world.user(email="ada@example.com")
    await fail(world, refused, PAIR.free)
    with refused(ResourceExhausted, reason="LOGIN_LOCKED") as locked:
        await login(world)
    assert locked.value.retry_after == PAIR.pause.total_seconds()
    world.clock.advance(PAIR.pause.total_seconds())
    await login(world)


async def test_who_guesses_from_elsewhere_does_not_keep_the_owner_waiting(world, refused):
    await world.user(email="ada@example.com")
    await fail(world, refused, PAIR.free, address="198.51.100.1")
    with refused(ResourceExhausted):
        await login(world, address="198.51.100.1")
    await login(world)


async def test_each_failure_beyond_the_free_ones_costs_a_pause(world, refused):
    await world.user(email="ada@example.com")
    await fail(world, refused, PAIR.free)
    for _ in range(3):
        with refused(ResourceExhausted):
            await login(world, password="not-the-password")
        world.clock.advance(PAIR.pause.total_seconds())
        await fail(world, refused, 1)


async def test_an_unknown_account_is_locked_like_a_known_one(world, refused):
    await fail(world, refused, PAIR.free, email="nobody@example.com")
    with refused(ResourceExhausted, reason="LOGIN_LOCKED"):
        await login(world, email="nobody@example.com")


async def few(world):
    """Few failures of an address, so that a test need not make a hundred."""
    world.count_by(address_policy=LockoutPolicy(free=3, pause=timedelta(seconds=10)))


async def test_an_address_that_tries_many_accounts_waits_for_all_of_them(world, refused):
    await few(world)
    await world.user(email="ada@example.com")
    for number in range(3):
        await fail(world, refused, 1, email=f"user{number}@example.com")
    with refused(ResourceExhausted):
        await login(world)
    await login(world, address="203.0.113.8")
    world.clock.advance(10)
    await login(world)


async def test_a_right_password_frees_the_account_but_not_the_address(world, refused):
    await few(world)
    await world.user(email="ada@example.com")
    for number in range(2):
        await fail(world, refused, 1, email=f"user{number}@example.com")
    await login(world)
    await fail(world, refused, 1, email="one-more@example.com")
    with refused(ResourceExhausted):
        await login(world)


async def test_colleagues_behind_one_address_who_mistype_never_wait(world, refused):
    """Typos of days once added up, and a right login locked the address of a whole office."""
    await few(world)
    people = [f"user{number}@example.com" for number in range(4)]
    for email in people:
        await world.user(email=email)
    for _ in range(5):
        for email in people:
            await fail(world, refused, 1, email=email)
            await login(world, email=email)
            world.clock.advance(10)
        world.clock.advance(timedelta(days=1).total_seconds())


async def test_many_right_logins_of_one_account_at_once_all_succeed(world):
    await world.user(email="ci@example.com")
    sessions = await asyncio.gather(*(login(world, email="ci@example.com") for _ in range(PAIR.free)))
    assert len({session.access_token for session in sessions}) == PAIR.free


async def test_guesses_sent_at_once_all_count(world):
    await world.user(email="ada@example.com")
    results = await asyncio.gather(
        *(login(world, password=f"guess number {number}") for number in range(20)), return_exceptions=True
    )
    assert sum(isinstance(result, Unauthenticated) for result in results) == PAIR.free
    assert sum(isinstance(result, ResourceExhausted) for result in results) == 20 - PAIR.free


async def test_a_login_strengthens_a_hash_of_older_parameters(world):
    user = await world.user(email="ada@example.com")
    await world.stores.users.set_password_hash(user.id, weak_hash())
    session = await login(world)
    assert session.user.id == user.id
    stored = await world.stores.users.find(user.id)
    assert stored is not None
    assert not world.hasher.outdated(stored.password_hash)


def weak_hash():
    return argon2.PasswordHasher(time_cost=1, memory_cost=16, parallelism=1, hash_len=4).hash(PASSWORD)


async def test_what_people_type_as_address_is_not_kept_in_the_clear(world, refused):
    await fail(world, refused, 1, email="secret-typed-here@example.com")
    assert not any(b"secret-typed-here" in subject for subject in await world.column("SELECT key FROM login_buckets"))


async def test_a_locked_address_leaves_no_trace_of_the_accounts_it_makes_up(world, refused):
    await few(world)
    for number in range(3):
        await fail(world, refused, 1, email=f"user{number}@example.com")
    counted = await world.column("SELECT key FROM login_buckets")
    with refused(ResourceExhausted):
        await login(world, email="made-up@example.com")
    assert await world.column("SELECT key FROM login_buckets") == counted


async def test_a_login_that_nobody_looked_at_counts_as_nothing(world, refused, monkeypatch):
    await world.user(email="ada@example.com")

    async def busy(*_, **__):
        raise ResourceExhausted("too many calls at once", reason="TOO_MANY_CALLS", retry_after=2.0)

    with monkeypatch.context() as patched:
        patched.setattr(world.hasher, "verify", busy)
        for _ in range(2 * PAIR.free):
            with refused(ResourceExhausted, reason="TOO_MANY_CALLS"):
                await login(world)

    await login(world)


async def test_a_client_waits_in_one_line_whichever_of_its_addresses_it_takes(world, monkeypatch):
    await world.user(email="ada@example.com")
    lines, verify = [], world.hasher.verify

    async def noted(*given, whose):
        lines.append(whose)
        return await verify(*given, whose=whose)

    monkeypatch.setattr(world.hasher, "verify", noted)
    for address in ("2001:db8:1:2::3", "2001:db8:1:2::4", "2001:db8:1:3::3"):
        await login(world, address=address)

    assert lines == ["2001:db8:1:2::/64", "2001:db8:1:2::/64", "2001:db8:1:3::/64"]


async def test_a_right_password_is_right_also_while_nobody_has_time_to_strengthen_its_hash(world, monkeypatch):
    user = await world.user(email="ada@example.com")
    await world.stores.users.set_password_hash(user.id, weak_hash())

    async def busy(_):
        raise ResourceExhausted("too many calls at once", reason="TOO_MANY_CALLS", retry_after=2.0)

    monkeypatch.setattr(world.hasher, "hash", busy)

    assert (await login(world)).user.id == user.id
