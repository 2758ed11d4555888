"""Services, jobs, and commands that are sent twice."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from fp_auth.app.seed_service_credentials import SeedServiceCredentials
from fp_kernel import Command, InvalidArgument, Replayed, Unauthenticated, new_id

SECRET = "the-registry-shows-this"
PASSWORD = "a-river-and-9-lanterns"


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def command(key: str = "key-1", body: bytes = b"body") -> Command:
    return Command("alpha", "/CreateUser", key, hashlib.sha256(body).digest(), lambda result: repr(result).encode())


async def seed(world, *secrets: str) -> None:
    await SeedServiceCredentials(world.transactions, world.clock)([("registry", hashed(secret)) for secret in secrets])


async def test_a_service_exchanges_its_credential_for_a_token_of_its_own(world):
    await seed(world, SECRET)
    issued = await world.do.exchange_service_token("registry", SECRET)
    claims = await world.do.validate_token(issued.access_token)
    assert (claims.subject, claims.role, claims.team) == ("registry", "service", "")
    assert claims.scopes == {"models:read"}
    assert issued.expires_at == world.now() + timedelta(minutes=15)


async def test_a_service_without_scopes_of_its_own_has_none(world):
    await SeedServiceCredentials(world.transactions, world.clock)([("newcomer", hashed(SECRET))])
    issued = await world.do.exchange_service_token("newcomer", SECRET)
    assert (await world.do.validate_token(issued.access_token)).scopes == frozenset()


async def test_a_token_that_proves_addresses_has_no_scopes_and_an_audience_of_its_own(world, refused):
    await seed(world, SECRET)
    issued = await world.do.exchange_service_token("registry", SECRET, "forgepoint-client-address")
    claims = world.signer.issued[issued.access_token]
    assert (claims.subject, claims.audience, claims.scopes) == ("registry", "forgepoint-client-address", frozenset())
    with refused(InvalidArgument, field="audience"):
        await world.do.exchange_service_token("registry", SECRET, "anything")


@pytest.mark.parametrize(("service", "secret"), [("registry", "wrong"), ("stranger", SECRET)])
async def test_a_wrong_secret_and_an_unknown_service_get_the_same_answer(world, refused, service, secret):
    await seed(world, SECRET)
    with refused(Unauthenticated, reason="WRONG_CREDENTIALS"):
        await world.do.exchange_service_token(service, secret)


@pytest.mark.parametrize(("service", "secret", "field"), [("", SECRET, "service"), ("registry", "", "secret")])
async def test_missing_fields_are_named(world, refused, service, secret, field):
    with refused(InvalidArgument, field=field):
        await world.do.exchange_service_token(service, secret)


async def test_a_replaced_credential_stays_good_while_services_restart_one_by_one(world, refused):
    await seed(world, SECRET)
    await seed(world, "another-secret")
    await world.do.exchange_service_token("registry", SECRET)
    await world.do.exchange_service_token("registry", "another-secret")
    world.clock.advance(3_600)
    with refused(Unauthenticated):
        await world.do.exchange_service_token("registry", SECRET)


async def test_a_job_token_is_bound_to_its_team_user_and_execution(world):
    user = await world.user("engineer")
    pipeline = await world.caller(user, role="service", service="pipeline")
    issued = await world.do.issue_job_token(pipeline, execution_id="e1", step_id="train", life=timedelta(hours=2))
    claims = await world.do.validate_token(issued.access_token)
    assert (claims.subject, claims.team, claims.role, claims.execution_id) == (user.id, "alpha", "job", "e1")
    assert claims.scopes == (await world.stores.roles.find("job")).scopes
    assert issued.expires_at == world.now() + timedelta(hours=2)


async def test_a_job_that_no_user_started_has_a_name_of_its_own(world):
    pipeline = await world.caller(await world.user(), user_id="pipeline", role="service", service="pipeline")
    issued = await world.do.issue_job_token(pipeline, execution_id="e1", step_id="train")
    assert (await world.do.validate_token(issued.access_token)).subject == "job:e1"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"execution_id": ""}, "execution_id"),
        ({"step_id": ""}, "step_id"),
        ({"life": timedelta(0)}, "ttl"),
        ({"life": timedelta(hours=24, seconds=1)}, "ttl"),
    ],
)
async def test_bad_input_of_a_job_is_named(world, refused, changes, field):
    pipeline = await world.caller(await world.user(), role="service", service="pipeline")
    with refused(InvalidArgument, field=field):
        await world.do.issue_job_token(pipeline, **({"execution_id": "e1", "step_id": "s"} | changes))


async def test_a_job_belongs_to_a_team(world, refused):
    pipeline = await world.caller(await world.user(), role="service", service="pipeline", team="")
    with refused(InvalidArgument, field="fp-on-behalf-of-team"):
        await world.do.issue_job_token(pipeline, execution_id="e1", step_id="s")


async def test_no_token_is_no_question(world, refused):
    with refused(InvalidArgument, field="token"):
        await world.do.validate_token("")


async def create(world, caller, **changes):
    guarded = world.do.secret_commands.guarded(command(**changes), caller)
    with world.do.secret_commands.opened(guarded):
        return await world.do.create_user(
            caller, email=f"{new_id()}@example.com", name="", password=PASSWORD, team="alpha", command=guarded
        )


@pytest.fixture
async def admin(world):
    return await world.caller(await world.user("admin"))


async def test_a_command_sent_twice_answers_the_first_response_in_the_clear(world, admin):
    user = await create(world, admin)
    with pytest.raises(Replayed) as replayed:
        await create(world, admin)
    assert replayed.value.response == repr(user).encode()


async def test_a_command_without_a_key_happens_each_time(world, admin):
    assert await create(world, admin, key="") != await create(world, admin, key="")


async def test_the_same_key_with_another_body_is_refused(world, admin, refused):
    await create(world, admin)
    with refused(InvalidArgument, field="idempotency_key"):
        await create(world, admin, body=b"other")


async def test_a_colleague_with_the_same_key_is_not_answered_with_anothers_secret(world, admin):
    first = await create(world, admin)
    colleague = await world.caller(await world.user("admin"))
    weaker = replace(admin, api_key_id=new_id())
    assert first not in (await create(world, colleague), await create(world, weaker))


async def test_what_is_kept_of_a_secret_command_tells_nothing(world, admin):
    plain = command()
    guarded = world.do.secret_commands.guarded(plain, admin)
    assert guarded.fingerprint != plain.fingerprint
    assert b"secret answer" not in guarded.encode("secret answer")
