"""API keys are remembered shortly and forgotten at once."""

import asyncio
from datetime import UTC, datetime

import pytest
from fp_kernel import Principal, Unauthenticated, Unavailable
from fp_rpc import ApiKeyResolver


class Time:
    seconds = 0.0

    def now(self):
        return datetime.fromtimestamp(1_000_000 + self.seconds, UTC)

    def monotonic(self):
        return self.seconds


class Auth:
    def __init__(self):
        self.asked = []
        self.error = None
        self.waits = None
        self.expires_at = 2_000_000.0

    async def validate(self, key):
        self.asked.append(key)
        if self.waits:
            await self.waits.wait()
        if self.error:
            raise self.error
        return Principal("u", "red", "viewer", frozenset(), self.expires_at, api_key_id=f"id-{key[3:]}")


@pytest.fixture
def auth():
    return Auth()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def resolver(auth, time):
    return ApiKeyResolver(auth.validate, clock=time, limit=2)


async def test_a_key_is_asked_about_once_in_its_time(resolver, auth, time):
    await resolver.resolve("fp_a")
    time.seconds = 29.9
    await resolver.resolve("fp_a")
    assert auth.asked == ["fp_a"]

    time.seconds = 30
    await resolver.resolve("fp_a")
    assert auth.asked == ["fp_a", "fp_a"]


async def test_many_calls_with_a_new_key_ask_once(resolver, auth):
    principals = await asyncio.gather(*(resolver.resolve("fp_a") for _ in range(8)))

    assert auth.asked == ["fp_a"]
    assert {principal.api_key_id for principal in principals} == {"id-a"}


async def test_a_dropped_key_is_asked_about_again(resolver, auth):
    await resolver.resolve("fp_a")
    await resolver.resolve("fp_b")

    resolver.drop("id-a")
    resolver.drop("id-unknown")
    auth.error = Unauthenticated("revoked")

    with pytest.raises(Unauthenticated):
        await resolver.resolve("fp_a")
    await resolver.resolve("fp_b")


async def test_an_answer_from_before_a_revocation_is_not_remembered(resolver, auth):
    auth.waits = asyncio.Event()
    asking = asyncio.ensure_future(resolver.resolve("fp_a"))
    await asyncio.sleep(0)
    resolver.drop("id-a")
    auth.waits.set()
    await asking

    await resolver.resolve("fp_a")

    assert auth.asked == ["fp_a", "fp_a"]


@pytest.mark.parametrize("error", [Unauthenticated("unknown"), Unavailable("auth is away")])
async def test_a_failure_is_not_remembered(resolver, auth, error):
    auth.error = error
    with pytest.raises(type(error)):
        await resolver.resolve("fp_a")

    auth.error = None

    assert (await resolver.resolve("fp_a")).team == "red"


async def test_a_key_that_expires_while_it_is_remembered_is_worth_nothing(resolver, auth, time):
    auth.expires_at = 1_000_010.0
    await resolver.resolve("fp_a")
    time.seconds = 10

    with pytest.raises(Unauthenticated) as expired:
        await resolver.resolve("fp_a")

    assert expired.value.reason == "API_KEY_EXPIRED"


async def test_the_memory_is_bounded_and_holds_no_key(resolver, auth):
    for key in ("fp_a", "fp_b", "fp_c", "fp_c"):
        await resolver.resolve(key)

    assert auth.asked == ["fp_a", "fp_b", "fp_c"]
    assert len(resolver._known) == len(resolver._digests) == 2
    assert "fp_c" not in repr(vars(resolver))
    assert not resolver._asking
