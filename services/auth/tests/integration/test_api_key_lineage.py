"""Keys that were made with keys: how long they live, and with whom they end."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from fp_auth.app.create_api_key import CreateApiKey
from fp_auth.app.rotate_api_key import RotateApiKey
from fp_auth.domain.api_keys import ApiKey
from fp_kernel import InvalidArgument, PermissionDenied, Unauthenticated, new_id
from fp_kernel.identity import KeyLimits

HOUR = timedelta(hours=1)


async def create(world, caller, **changes):
    facts = {"user_id": "", "scopes": ["models:read"], "expires_at": None, "name": "ci"}
    return await world.do.create_api_key(caller, **(facts | changes))


@pytest.fixture
async def engineer(world):
    return await world.caller(await world.user("engineer"))


async def test_a_key_makes_no_key_that_may_more_or_lives_longer_than_itself(world, engineer, refused):
    end = world.now() + HOUR
    key = await world.using(await create(world, engineer, expires_at=end))
    with refused(PermissionDenied, field="scopes[0]"):
        await create(world, key, scopes=["models:write"])
    with refused(InvalidArgument, field="expires_at"):
        await create(world, key, expires_at=end + HOUR)
    assert (await create(world, key)).key.expires_at == end


async def test_a_key_without_end_makes_keys_without_end(world, engineer):
    assert (await create(world, await world.using(await create(world, engineer)))).key.expires_at is None


async def test_limits_of_a_key_are_told_with_it_and_go_on_with_those_that_come_of_it(world, engineer, refused):
    limits = KeyLimits(50, 2)
    issued = await create(world, engineer, limits=limits)
    assert (await world.do.validate_token(issued.raw_key)).key_limits == limits
    key = replace(await world.using(issued), key_limits=limits)
    with refused(InvalidArgument, field="predictions_per_second"):
        await create(world, key, limits=KeyLimits(51, 2))
    for made in (await create(world, key), await world.do.rotate_api_key(engineer, issued.key.id, HOUR)):
        assert (await world.do.validate_token(made.raw_key)).key_limits == limits
    other = await create(world, engineer)
    assert (await world.do.rotate_api_key(key, other.key.id, HOUR)).key.limits == limits


async def test_a_key_that_rotates_itself_ends_when_it_would_have(world, engineer):
    end = world.now() + 2 * HOUR
    issued = await create(world, engineer, expires_at=end)
    for _ in range(5):
        world.clock.advance(600)
        issued = await world.do.rotate_api_key(await world.using(issued), issued.key.id, HOUR)
        assert issued.key.expires_at == end


async def test_a_person_renews_a_key_for_the_life_that_it_had(world, engineer):
    issued = await create(world, engineer, expires_at=world.now() + 2 * HOUR)
    world.clock.advance(3_600)
    renewed = await world.do.rotate_api_key(engineer, issued.key.id, HOUR)
    assert renewed.key.expires_at == world.now() + 2 * HOUR
    assert renewed.key.created_by_key == ""


async def test_a_key_rotates_another_one_no_further_than_its_own_end(world, engineer):
    end = world.now() + HOUR
    longer = await create(world, engineer, expires_at=world.now() + 5 * HOUR)
    key = await world.using(await create(world, engineer, expires_at=end))
    rotated = await world.do.rotate_api_key(key, longer.key.id, HOUR)
    assert (rotated.key.expires_at, rotated.key.created_by_key) == (end, key.api_key_id)


async def test_a_key_that_a_person_renewed_still_ends_with_its_maker(world, engineer, refused):
    maker = await create(world, engineer)
    made = await create(world, await world.using(maker))
    renewed = await world.do.rotate_api_key(engineer, made.key.id, HOUR)
    await world.do.revoke_api_key(engineer, maker.key.id)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(renewed.raw_key)


async def test_a_key_that_is_revoked_ends_what_was_made_with_it(world, engineer, refused):
    leaked = await create(world, engineer)
    twin = await create(world, await world.using(leaked))
    grandchild = await create(world, await world.using(twin))
    rotated = await world.do.rotate_api_key(await world.using(grandchild), grandchild.key.id, HOUR)
    other = await create(world, engineer)
    assert twin.key.created_by_key == leaked.key.id
    before = len(await world.events())
    await world.do.revoke_api_key(engineer, leaked.key.id)
    for ended in (leaked, twin, grandchild, rotated):
        with refused(Unauthenticated, reason="API_KEY_INVALID"):
            await world.do.validate_token(ended.raw_key)
    await world.do.validate_token(other.raw_key)
    revoked = (await world.events())[before:]
    assert {event.type for event in revoked} == {"fp.auth.apikey.revoked"}
    assert {event.resource_id for event in revoked} == {each.key.id for each in (leaked, twin, grandchild, rotated)}


async def test_a_leaked_key_that_rotated_itself_away_still_ends_its_successor(world, engineer, refused):
    leaked = await create(world, engineer)
    successor = await world.do.rotate_api_key(await world.using(leaked), leaked.key.id, timedelta(0))
    await world.do.revoke_api_key(engineer, leaked.key.id)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(successor.raw_key)


async def test_a_key_that_was_revoked_a_moment_ago_makes_no_other(world, engineer, refused):
    issued = await create(world, engineer)
    key = await world.using(issued)
    await world.do.revoke_api_key(engineer, issued.key.id)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await create(world, key)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.rotate_api_key(key, issued.key.id, HOUR)


async def test_keys_made_while_their_maker_is_revoked_do_not_survive_it(world, engineer):
    maker = await create(world, engineer)
    key = await world.using(maker)
    await asyncio.gather(
        *(create(world, key) for _ in range(4)),
        world.do.revoke_api_key(engineer, maker.key.id),
        *(create(world, key) for _ in range(4)),
        return_exceptions=True,
    )
    assert not await world.column("SELECT id FROM api_keys WHERE revoked_at IS NULL")


async def test_the_longest_life_of_a_key_is_a_setting(world, engineer, refused):
    stores, bound = world.stores, {"longest": 2 * HOUR}
    world.do.create_api_key = CreateApiKey(
        stores.users, stores.roles, world.transactions, secrets.token_bytes, world.clock, **bound
    )
    with refused(InvalidArgument, field="expires_at"):
        await create(world, engineer, expires_at=world.now() + 3 * HOUR)
    issued = await create(world, engineer)
    assert issued.key.expires_at == world.now() + 2 * HOUR
    forever = await add_endless(world, engineer)
    rotate = RotateApiKey(world.transactions, secrets.token_bytes, world.clock, **bound)
    assert (await rotate(engineer, forever, HOUR)).key.expires_at == world.now() + 2 * HOUR


async def add_endless(world, owner):
    """A key from before the setting."""
    key = ApiKey(new_id(), owner.team, owner.user_id, "", "fp_AAAAA", frozenset({"models:read"}), world.now())
    await world.stores.api_keys.add(key, b"h" * 32, owner.user_id)
    return key.id
