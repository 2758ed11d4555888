"""False credentials where no edge counts them."""

import asyncio

import pytest
from fp_gateway.callers import Callers
from fp_gateway.false_credentials import FalseCredentials
from fp_gateway.methods import all_methods
from fp_kernel import Principal, ResourceExhausted, Unauthenticated, Unavailable
from fp_rpc import NoAudit
from fp_rpc.audit.denials import DenialPolicy
from fp_rpc.audit.queue import AuditQueue
from fp_telemetry import Metrics

BURST = 4
STRANGER, OTHER = "203.0.113.7", "203.0.113.8"
LIST = all_methods()["/forgepoint.registry.v1.RegistryService/ListModels"]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Judge:
    """Refuses `false`, cannot judge `unknown`, and comes to no end with `slow`."""

    def __init__(self):
        self.asked = 0

    async def resolve(self, credential, *, audience=""):
        self.asked += 1
        if credential.startswith("false"):
            raise Unauthenticated("it is worth nothing", reason="TOKEN_INVALID")
        if credential.startswith("unknown"):
            raise Unavailable("auth is away")
        if credential.startswith("slow"):
            await asyncio.Event().wait()
        return Principal("user", "alpha", "viewer", frozenset(), expires_at=2**40)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def judge():
    return Judge()


@pytest.fixture
def code_of(clock, judge):
    """`await code_of("false-1")`: what a call with this credential is told."""
    audit = AuditQueue(NoAudit(), Metrics("gateway"), capacity=1_000, denials=DenialPolicy())
    callers = Callers(judge, audit, FalseCredentials(1.0, BURST, clock))

    async def call(credential, address=STRANGER):
        try:
            await callers.check(LIST, {"authorization": f"Bearer {credential}"}, address, "c")
        except (Unauthenticated, ResourceExhausted, Unavailable) as error:
            return type(error)
        return None

    return call


async def test_a_stranger_with_false_credentials_is_judged_no_more_until_time_has_passed(code_of, judge, clock):
    codes = [await code_of(f"false-{number}") for number in range(20)]

    assert codes == [Unauthenticated] * BURST + [ResourceExhausted] * (20 - BURST)
    assert judge.asked == BURST
    clock.now += 2.0
    assert [await code_of(f"false-{n}") for n in range(3)] == [Unauthenticated, Unauthenticated, ResourceExhausted]


async def test_others_go_on_and_those_behind_his_address_who_were_known(code_of):
    assert await code_of("good-one") is None
    for number in range(20):
        await code_of(f"false-{number}")

    assert [await code_of("good-one") for _ in range(20)] == [None] * 20
    assert await code_of("never-seen") is ResourceExhausted
    assert await code_of("never-seen", OTHER) is None


async def test_a_stranger_is_held_back_whichever_of_its_addresses_it_takes(code_of):
    codes = [await code_of(f"false-{number}", f"2001:db8:1:2::{number:x}") for number in range(20)]

    assert ResourceExhausted in codes
    assert await code_of("false", "2001:db8:1:3::1") is Unauthenticated


async def test_what_nobody_can_judge_costs_nothing_and_is_not_taken_for_good(code_of):
    assert {await code_of("unknown") for _ in range(20)} == {Unavailable}
    for number in range(20):
        await code_of(f"false-{number}")

    assert await code_of("unknown") is ResourceExhausted


async def test_who_gives_up_before_he_is_judged_has_paid(code_of, judge):
    calls = [asyncio.ensure_future(code_of(f"slow-{number}")) for number in range(BURST)]
    while judge.asked < BURST:
        await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)

    assert await code_of("false") is ResourceExhausted


async def test_a_false_one_with_the_end_of_a_good_one_counts_as_any_other(code_of, judge):
    tail = "x" * 43
    assert await code_of(f"good-{tail}") is None
    codes = [await code_of(f"false-{tail}") for _ in range(20)]

    assert codes.count(Unauthenticated) == BURST
    assert await code_of(f"good-{tail}") is ResourceExhausted


async def test_what_is_remembered_of_strangers_has_an_end(clock):
    counted = FalseCredentials(1.0, BURST, clock)
    for number in range(20_000):
        counted.enter(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"Bearer {number}").accepted()

    assert len(counted._buckets) == len(counted._accepted) < 20_000
