"""A second factor over the wire, with two replicas that share a database."""

import asyncio
import base64

import pytest
from auth_written import streams, tables
from forgepoint.auth.v1 import auth_pb2, second_factor_pb2
from forgepoint.auth.v1.second_factor_pb2_grpc import SecondFactorServiceStub
from fp_auth.adapters.passcodes import TotpPasscodes
from fp_auth.domain.second_factors import STEP_SECONDS, step_of
from fp_kernel import NotFound, PermissionDenied, Unauthenticated
from fp_rpc import BearerToken, Channels
from fp_testkit.clock import ManualClock
from fp_testkit.patience import PATIENCE

PASSWORD = "a-river-and-9-lanterns"


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def factors(stack):
    """The stub of the service, with a token, at a replica."""

    def at(replica, token):
        channels = Channels(BearerToken(token))
        stack.push_async_callback(channels.close)
        passing = (PermissionDenied, NotFound)
        return SecondFactorServiceStub(channels.open(replica.address, timeout=PATIENCE, passing=passing))

    return at


async def turn_on(stub, clock):
    """The secret in the app, and the recovery codes."""
    begun = await stub.BeginSecondFactor(second_factor_pb2.BeginSecondFactorRequest(password=PASSWORD))
    assert f"secret={begun.secret}" in begun.otpauth_uri
    secret = base64.b32decode(begun.secret)
    confirm = second_factor_pb2.ConfirmSecondFactorRequest(totp_code=code(secret, clock))
    recovery = (await stub.ConfirmSecondFactor(confirm)).recovery_codes
    clock.advance(STEP_SECONDS)
    return secret, recovery


def code(secret, clock):
    return TotpPasscodes().code(secret, step_of(clock.now()))


async def test_a_code_is_taken_by_one_replica_alone(start, factors, clock):
    auth, other = await start(clock=clock), await start(clock=clock)
    member = await auth.member("viewer")
    secret, _ = await turn_on(factors(auth, member.token), clock)
    request = auth_pb2.LoginRequest(email=member.user.email, password=PASSWORD, totp_code=code(secret, clock))

    answers = await asyncio.gather(
        *(replica.caller().Login(request) for replica in (auth, other, auth, other)), return_exceptions=True
    )

    assert sum(isinstance(each, auth_pb2.LoginResponse) for each in answers) == 1, answers


async def test_the_refusal_carries_what_the_second_step_needs_at_any_replica(start, factors, clock):
    auth, other = await start(clock=clock), await start(clock=clock)
    member = await auth.member("viewer")
    secret, _ = await turn_on(factors(auth, member.token), clock)
    with pytest.raises(Unauthenticated) as refused:
        await auth.login(member.user.email)
    assert refused.value.reason == "SECOND_FACTOR_REQUIRED"

    second = auth_pb2.LoginRequest(
        password_proof=refused.value.metadata["password_proof"], totp_code=code(secret, clock)
    )

    assert (await other.caller().Login(second)).user.id == member.user.id


async def test_an_admin_sees_and_resets_it_and_an_engineer_neither(start, factors, clock):
    auth = await start(clock=clock)
    member, engineer = await auth.member("viewer"), await auth.member("engineer")
    await turn_on(factors(auth, member.token), clock)
    admin = factors(auth, (await auth.member("admin")).token)
    get = second_factor_pb2.GetSecondFactorRequest(user_id=member.user.id)
    reset = second_factor_pb2.ResetSecondFactorRequest(user_id=member.user.id)
    with pytest.raises(NotFound):
        await factors(auth, engineer.token).GetSecondFactor(get)
    with pytest.raises(PermissionDenied):
        await factors(auth, engineer.token).ResetSecondFactor(reset)
    found = (await admin.GetSecondFactor(get)).second_factor
    assert (found.turned_on, found.recovery_codes_left) == (True, 10)

    await admin.ResetSecondFactor(reset)

    assert not (await admin.GetSecondFactor(get)).second_factor.turned_on
    await auth.login(member.user.email)


async def test_nothing_of_it_is_in_a_table_a_stream_or_a_log(
    start, factors, clock, settings, nats_look_url, capfd, caplog
):
    auth = await start(clock=clock)
    member = await auth.member("viewer")
    mine = factors(auth, member.token)
    secret, recovery = await turn_on(mine, clock)
    with pytest.raises(Unauthenticated) as refused:
        await auth.login(member.user.email)
    proof = refused.value.metadata["password_proof"]
    with pytest.raises(Unauthenticated):
        await auth.caller().Login(auth_pb2.LoginRequest(password_proof=proof, totp_code="wrong-code-typed"))
    await auth.caller().Login(auth_pb2.LoginRequest(password_proof=proof, totp_code=recovery[0]))
    renew = second_factor_pb2.RenewRecoveryCodesRequest(totp_code=code(secret, clock))
    fresh = (await mine.RenewRecoveryCodes(renew)).recovery_codes
    shown = str(await mine.GetSecondFactor(second_factor_pb2.GetSecondFactorRequest()))
    await mine.TurnOffSecondFactor(second_factor_pb2.TurnOffSecondFactorRequest(password=PASSWORD))

    stored = await tables(settings.database_url.get_secret_value())
    await auth.service.stop()
    sent = await streams(nats_look_url)
    assert b"SecondFactorService/TurnOffSecondFactor" in sent, "the audit stream was looked at"
    said = ("".join(capfd.readouterr()) + caplog.text + shown).encode()
    marked = [secret, secret.hex().encode(), base64.b32encode(secret), proof.encode(), b"wrong-code-typed"]
    for form in (*marked, *(each.encode() for each in (*recovery, *fresh))):
        for place in (stored, sent, said):
            assert form not in place
