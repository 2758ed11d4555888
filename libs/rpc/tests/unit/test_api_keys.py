"""API keys are remembered shortly and forgotten at once."""

import asyncio
from datetime import UTC, datetime

import pytest
from fp_kernel import Principal, ResourceExhausted, Unauthenticated, Unavailable
from fp_rpc import ApiKeyResolver

A, B, C = (f"fp_{letter * 43}" for letter in "abc")


UNKNOWN = Unauthenticated("unknown", reason="API_KEY_INVALID")


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
        return Principal("u", "red", "viewer", frozenset(), self.expires_at, api_key_id=f"id-{key[-1]}")


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
    await resolver.resolve(A)
    time.seconds = 29.9
    await resolver.resolve(A)
    assert auth.asked == [A]

    time.seconds = 30
    await resolver.resolve(A)
    assert auth.asked == [A, A]


async def test_many_calls_with_a_new_key_ask_once(resolver, auth):
    principals = await asyncio.gather(*(resolver.resolve(A) for _ in range(8)))

    assert auth.asked == [A]
    assert {principal.api_key_id for principal in principals} == {"id-a"}


async def test_a_dropped_key_is_asked_about_again(resolver, auth):
    await resolver.resolve(A)
    await resolver.resolve(B)

    resolver.drop("id-a")
    resolver.drop("id-unknown")
    auth.error = Unauthenticated("revoked")

    with pytest.raises(Unauthenticated):
        await resolver.resolve(A)
    await resolver.resolve(B)


async def test_an_answer_from_before_a_revocation_is_not_remembered(resolver, auth):
    auth.waits = asyncio.Event()
    asking = asyncio.ensure_future(resolver.resolve(A))
    await asyncio.sleep(0)
    resolver.drop("id-a")
    auth.waits.set()
    await asking

    await resolver.resolve(A)

    assert auth.asked == [A, A]


@pytest.mark.parametrize("error", [Unauthenticated("of another kind"), Unavailable("auth is away")])
async def test_a_failure_that_is_not_about_the_key_is_not_remembered(resolver, auth, time, error):
    auth.error = error
    with pytest.raises(type(error)):
        await resolver.resolve(A)

    auth.error = None
    time.seconds = 0.2

    assert (await resolver.resolve(A)).team == "red"


async def test_a_key_in_use_is_asked_about_anew_beside_its_calls_and_ends_when_it_is_refused(resolver, auth, time):
    await resolver.resolve(A)
    time.seconds = 20
    auth.error = UNKNOWN

    assert (await resolver.resolve(A)).team == "red"
    while len(auth.asked) < 2 or resolver._known._running:
        await asyncio.sleep(0)

    with pytest.raises(Unauthenticated):
        await resolver.resolve(A)
    assert auth.asked == [A, A]


async def test_a_renewed_key_is_forgotten_when_it_is_revoked(resolver, auth, time):
    await resolver.resolve(A)
    time.seconds = 20
    await resolver.resolve(A)
    while len(auth.asked) < 2 or resolver._known._running:
        await asyncio.sleep(0)

    resolver.drop("id-a")
    await resolver.resolve(A)

    assert len(auth.asked) == 3


async def test_while_auth_is_silent_only_so_many_wait_for_it(auth, time):
    resolver = ApiKeyResolver(auth.validate, clock=time, waiting=3)
    await resolver.resolve(B)
    auth.waits = asyncio.Event()
    waiting = [asyncio.ensure_future(resolver.resolve(A)) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(ResourceExhausted):
        await resolver.resolve(A)
    assert (await resolver.resolve(B)).api_key_id == "id-b"

    auth.waits.set()
    await asyncio.gather(*waiting)
    await resolver.resolve(C)


@pytest.mark.parametrize(
    "key", ["fp_", "fp_" + "a" * 42, "fp_" + "a" * 44, "fp_" + "\u00e9" * 43, A + "\n", "fp_" + "=" * 43]
)
async def test_what_is_no_key_is_refused_without_asking(resolver, auth, key):
    with pytest.raises(Unauthenticated) as refused:
        await resolver.resolve(key)

    assert (refused.value.reason, auth.asked) == ("API_KEY_INVALID", [])


async def test_an_unknown_key_is_asked_about_once_in_ten_seconds(resolver, auth, time):
    auth.error = UNKNOWN
    for time.seconds in (0.0, 5.0, 9.9):
        with pytest.raises(Unauthenticated) as refused:
            await resolver.resolve(A)
        assert refused.value.reason == "API_KEY_INVALID"
    assert auth.asked == [A]

    time.seconds = 10.0
    auth.error = None

    assert (await resolver.resolve(A)).team == "red"


async def test_many_calls_with_an_unknown_key_ask_once(resolver, auth):
    auth.error = UNKNOWN

    answers = await asyncio.gather(*(resolver.resolve(A) for _ in range(8)), return_exceptions=True)

    assert auth.asked == [A]
    assert all(isinstance(answer, Unauthenticated) for answer in answers)


async def test_after_an_event_a_refused_key_is_asked_about_again(resolver, auth):
    auth.error = UNKNOWN
    with pytest.raises(Unauthenticated):
        await resolver.resolve(A)

    resolver.drop("id-of-another")
    auth.error = None

    assert (await resolver.resolve(A)).team == "red"


async def test_a_refusal_from_before_an_event_is_not_remembered(resolver, auth):
    auth.error, auth.waits = UNKNOWN, asyncio.Event()
    asking = asyncio.ensure_future(resolver.resolve(A))
    while not auth.asked:
        await asyncio.sleep(0)
    resolver.drop("id-a")
    auth.waits.set()
    with pytest.raises(Unauthenticated):
        await asking

    auth.error = None

    assert (await resolver.resolve(A)).team == "red"


async def test_unknown_keys_neither_fill_the_memory_nor_push_out_known_ones(resolver, auth):
    await resolver.resolve(A)
    auth.error = UNKNOWN
    for number in range(10):
        with pytest.raises(Unauthenticated):
            await resolver.resolve(f"fp_{number:043}")

    assert len(resolver._refused) == 2
    assert (await resolver.resolve(A)).team == "red"


async def test_a_key_that_expires_while_it_is_remembered_is_worth_nothing(resolver, auth, time):
    auth.expires_at = 1_000_010.0
    await resolver.resolve(A)
    time.seconds = 10

    with pytest.raises(Unauthenticated) as expired:
        await resolver.resolve(A)

    assert expired.value.reason == "API_KEY_EXPIRED"


async def test_the_memory_is_bounded_and_holds_no_key(resolver, auth):
    for key in (A, B, C, C):
        await resolver.resolve(key)

    assert auth.asked == [A, B, C]
    assert len(resolver._known._entries) == 2
    assert C not in repr({**vars(resolver), **vars(resolver._known)})
    assert not resolver._known._loads
