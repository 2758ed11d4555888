import asyncio

from forgepoint.platform.v1 import growth_pb2
from forgepoint.platform.v1 import platform_pb2 as pb
from fp_gateway.platform_status import PlatformServicer
from fp_rpc.server.health import Standing
from fp_testkit.clock import ManualClock


async def nothing(noun):
    return growth_pb2.ServiceGrowth(name=noun)


async def test_services_are_asked_once_for_all_who_ask_within_a_few_seconds():
    """Each question is one to every service: many callers must not make many of them."""
    asked = []

    async def standing(noun):
        asked.append(noun)
        return Standing(noun == "auth", "1.2.3")

    clock = ManualClock()
    platform = PlatformServicer(standing, nothing, ("registry", "auth"), clock, None)

    first = await platform.GetStatus(pb.GetStatusRequest(), None)
    again = await platform.GetStatus(pb.GetStatusRequest(), None)
    assert first == again
    assert asked == ["auth", "registry"]
    assert {each.name: each.serving for each in first.services} == {"auth": True, "gateway": True, "registry": False}
    assert {each.version for each in first.services if each.name != "gateway"} == {"1.2.3"}

    clock.advance(6)
    await platform.GetStatus(pb.GetStatusRequest(), None)

    assert asked == ["auth", "registry"] * 2


async def test_those_who_ask_while_services_are_asked_wait_for_that_answer():
    asked, answer = [], asyncio.Event()

    async def standing(noun):
        asked.append(noun)
        await answer.wait()
        return Standing(serving=True)

    platform = PlatformServicer(standing, nothing, ("auth",), ManualClock(), None)
    calls = [asyncio.create_task(platform.GetStatus(pb.GetStatusRequest(), None)) for _ in range(10)]
    for _ in range(3):
        await asyncio.sleep(0)
    answer.set()

    assert len({each.SerializeToString() for each in await asyncio.gather(*calls)}) == 1
    assert asked == ["auth"]


async def test_what_services_hold_is_asked_once_for_all_who_ask_within_a_few_seconds():
    asked = []

    async def growth(noun):
        asked.append(noun)
        return growth_pb2.ServiceGrowth(name=noun, told=True, tables=[growth_pb2.TableGrowth(name="t", bytes=1)])

    clock = ManualClock()
    platform = PlatformServicer(nothing, growth, ("registry", "auth"), clock, None)
    first, again = [await platform.GetGrowth(pb.GetGrowthRequest(), None) for _ in range(2)]

    assert first == again
    assert [each.name for each in first.services] == asked == ["auth", "registry"]
    clock.advance(6)
    await platform.GetGrowth(pb.GetGrowthRequest(), None)
    assert len(asked) == 4
