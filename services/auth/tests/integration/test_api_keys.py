from datetime import timedelta

import pytest
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unauthenticated, new_id

HOUR = timedelta(hours=1)


async def create(world, caller, **changes):
    facts = {"user_id": "", "scopes": ["models:read"], "expires_at": None, "name": "ci"}
    return await world.do.create_api_key(caller, **(facts | changes))


async def listed(world, caller, **changes):
    facts = {"user_id": "", "include_revoked": False, "page_size": 0, "page_token": ""}
    return await world.do.queries.api_keys(caller, **(facts | changes))


@pytest.fixture
async def engineer(world):
    return await world.caller(await world.user("engineer"))


async def test_a_key_is_shown_once_and_kept_as_a_digest(world, engineer):
    issued = await create(world, engineer)
    assert len(issued.raw_key) == 46
    assert issued.key.prefix == issued.raw_key[:8]
    assert issued.raw_key.encode() not in await world.column("SELECT key_hash FROM api_keys")
    assert issued.raw_key not in repr(issued) + str(await world.events())
    assert await world.event_types() == ["fp.auth.apikey.rotated"]
    assert (await world.events())[0].payload.replaced_key_id == ""


async def test_a_key_says_who_owns_it_and_what_it_may(world, engineer):
    issued = await create(world, engineer, expires_at=world.now() + HOUR)
    claims = await world.do.validate_token(issued.raw_key)
    assert (claims.subject, claims.team, claims.role) == (engineer.user_id, "alpha", "engineer")
    assert claims.scopes == {"models:read"}
    assert claims.api_key_id == claims.token_id == issued.key.id
    assert claims.expires_at == world.now() + HOUR


async def test_a_key_expires(world, engineer, refused):
    issued = await create(world, engineer, expires_at=world.now() + HOUR)
    world.clock.advance(3_600)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(issued.raw_key)


async def test_a_key_shrinks_with_the_role_of_its_owner(world, engineer):
    issued = await create(world, engineer, scopes=["models:read", "models:write"])
    await world.stores.users.set_role(engineer.user_id, "viewer")
    assert (await world.do.validate_token(issued.raw_key)).scopes == {"models:read"}


async def test_the_last_use_is_kept_to_the_minute(world, engineer):
    issued = await create(world, engineer)
    world.clock.advance(90)
    await world.do.validate_token(issued.raw_key)
    assert await world.column("SELECT last_used_at FROM api_keys") == [world.now().replace(second=0, microsecond=0)]


@pytest.mark.parametrize("raw", ["fp_", "fp_" + "a" * 43, "fp_" + "a" * 100])
async def test_an_unknown_key_is_worth_nothing(world, refused, raw):
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(raw)


@pytest.mark.parametrize(
    ("scopes", "place"),
    [(["users:admin"], "scopes[0]"), (["models:read", "models:*"], "scopes[1]"), (["*:*"], "scopes")],
)
async def test_nobody_hands_out_what_he_does_not_have(world, engineer, refused, scopes, place):
    with refused(PermissionDenied, field=place):
        await create(world, engineer, scopes=scopes)
    assert not await world.column("SELECT id FROM api_keys")


async def test_an_admin_makes_a_key_for_a_member_within_the_members_role(world, engineer, refused):
    admin = await world.caller(await world.user("admin"))
    issued = await create(world, admin, user_id=engineer.user_id)
    assert issued.key.user_id == engineer.user_id
    with refused(PermissionDenied, field="scopes[0]"):
        await create(world, admin, user_id=engineer.user_id, scopes=["users:admin"])


async def test_others_and_strangers_are_out_of_reach(world, engineer, refused):
    admin, colleague = await world.user("admin"), await world.user()
    stranger = await world.user(team="beta")
    for call in (create, listed):
        with refused(PermissionDenied, field="user_id"):
            await call(world, engineer, user_id=colleague.id)
        with refused(PermissionDenied, field="user_id"):
            await call(world, engineer, user_id=stranger.id)
        with refused(NotFound, field="user_id"):
            await call(world, await world.caller(admin), user_id=stranger.id)
        with refused(InvalidArgument, field="user_id"):
            await call(world, await world.caller(admin), user_id="somebody")


@pytest.mark.parametrize("role", ["service", "job"])
async def test_programs_own_no_keys(world, refused, role):
    user = await world.user("engineer")
    program = await world.caller(user, role=role, scopes=frozenset({"*:*"}))
    for attempt in (
        create(world, program),
        listed(world, program),
        world.do.revoke_api_key(program, new_id()),
        world.do.rotate_api_key(program, new_id(), HOUR),
    ):
        with refused(PermissionDenied):
            await attempt


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"scopes": []}, "scopes"), ({"scopes": ["models"]}, "scopes[0]"), ({"name": "x" * 101}, "name")],
)
async def test_bad_input_is_named(world, engineer, refused, changes, field):
    with refused(InvalidArgument, field=field):
        await create(world, engineer, **changes)
    with refused(InvalidArgument, field="expires_at"):
        await create(world, engineer, expires_at=world.now())


async def test_a_revoked_key_is_worth_nothing_and_others_are_told_once(world, engineer, refused):
    issued = await create(world, engineer)
    await world.do.revoke_api_key(engineer, issued.key.id)
    await world.do.revoke_api_key(engineer, issued.key.id)
    with refused(Unauthenticated, reason="API_KEY_INVALID"):
        await world.do.validate_token(issued.raw_key)
    assert (await world.event_types())[1:] == ["fp.auth.apikey.revoked"]
    assert (await world.events())[1].resource_id == issued.key.id


async def test_only_the_owner_and_an_admin_of_the_team_reach_a_key(world, engineer, refused):
    issued = await create(world, engineer)
    colleague = await world.caller(await world.user("engineer"))
    foreign_admin = await world.caller(await world.user("admin", team="beta"))
    for caller in (colleague, foreign_admin):
        with refused(NotFound, field="key_id"):
            await world.do.revoke_api_key(caller, issued.key.id)
        with refused(NotFound, field="key_id"):
            await world.do.rotate_api_key(caller, issued.key.id, HOUR)
    await world.do.revoke_api_key(await world.caller(await world.user("admin")), issued.key.id)


async def test_a_rotation_leaves_both_keys_valid_during_the_overlap(world, engineer, refused):
    old = await create(world, engineer)
    new = await world.do.rotate_api_key(engineer, old.key.id, HOUR)
    assert (new.key.scopes, new.key.name) == (old.key.scopes, old.key.name)
    await world.do.validate_token(old.raw_key)
    await world.do.validate_token(new.raw_key)
    world.clock.advance(3_600)
    with refused(Unauthenticated):
        await world.do.validate_token(old.raw_key)
    await world.do.validate_token(new.raw_key)
    assert await world.event_types() == ["fp.auth.apikey.rotated"] * 2
    assert (await world.events())[1].payload.replaced_key_id == old.key.id


async def test_a_rotation_without_overlap_revokes_the_old_key_at_once(world, engineer, refused):
    old = await create(world, engineer)
    await world.do.rotate_api_key(engineer, old.key.id, timedelta(0))
    with refused(Unauthenticated):
        await world.do.validate_token(old.raw_key)
    assert (await world.event_types())[1:] == ["fp.auth.apikey.rotated", "fp.auth.apikey.revoked"]


async def test_a_key_is_rotated_once(world, engineer, refused):
    old = await create(world, engineer)
    await world.do.rotate_api_key(engineer, old.key.id, HOUR)
    with refused(FailedPrecondition, reason="KEY_ROTATED"):
        await world.do.rotate_api_key(engineer, old.key.id, HOUR)


async def test_a_weak_key_does_not_rotate_itself_into_a_strong_one(world, engineer, refused):
    strong = await create(world, engineer, scopes=["models:write"])
    weak = await world.using(await create(world, engineer))
    with refused(PermissionDenied, reason="SCOPE_NOT_GRANTED"):
        await world.do.rotate_api_key(weak, strong.key.id, HOUR)


async def test_a_rotation_never_revives_scopes_that_the_role_lost(world, engineer, refused):
    old = await create(world, engineer, scopes=["models:read", "models:write"])
    only_write = await create(world, engineer, scopes=["models:write"])
    await world.stores.users.set_role(engineer.user_id, "viewer")
    viewer = await world.caller(await world.found(engineer.user_id))
    assert (await world.do.rotate_api_key(viewer, old.key.id, HOUR)).key.scopes == {"models:read"}
    with refused(FailedPrecondition, reason="KEY_ENDED"):
        await world.do.rotate_api_key(viewer, only_write.key.id, HOUR)


async def test_keys_are_listed_page_by_page_and_revoked_ones_on_request(world, engineer):
    keys = [(await create(world, engineer)).key.id for _ in range(3)]
    await world.do.revoke_api_key(engineer, keys[1])
    page = await listed(world, engineer)
    assert [key.id for key in page.items] == [keys[0], keys[2]]
    first = await listed(world, engineer, include_revoked=True, page_size=2)
    rest = await listed(world, engineer, include_revoked=True, page_size=2, page_token=first.next_token)
    assert [key.id for key in (*first.items, *rest.items)] == keys
