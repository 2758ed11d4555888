"""How much of what calls send is held at once, and how many strangers may send at all."""

import asyncio

import grpc
import pytest
from fp_gateway.admission import Admission, Room
from fp_kernel import InvalidArgument, ResourceExhausted
from fp_telemetry import Metrics

ANN, BOB, CAROL = "203.0.113.1", "203.0.113.2", "203.0.113.3"


class Sender:
    """A call whose message comes when it is let go, or at once. begun: how many are being read."""

    def __init__(self, message=b"x", *, late=False):
        self.message = message
        self.go = asyncio.Event()
        self.begun = 0
        if not late:
            self.go.set()

    async def read(self):
        self.begun += 1
        await self.go.wait()
        return self.message


def admission(**room):
    return Admission(Metrics("gateway"), Room(**room))


async def test_bytes_of_messages_are_bounded_together_and_one_is_always_taken():
    calls = admission(bytes=100)
    first = await calls.read(Sender(b"x" * 150), None)
    with pytest.raises(ResourceExhausted, match="bytes"):
        await calls.read(Sender(b"y"), None)
    calls.release(len(first))
    assert await calls.read(Sender(b"y"), None) == b"y"


async def test_strangers_have_places_in_all_and_each_address_a_few_of_them():
    calls = admission(strangers=3, strangers_each=2)
    places = [calls.stranger(ANN), calls.stranger(ANN)]
    with pytest.raises(ResourceExhausted):
        calls.stranger(ANN)
    places.append(calls.stranger(BOB))
    with pytest.raises(ResourceExhausted):
        calls.stranger(CAROL)
    places[0].leave()
    calls.stranger(CAROL)


async def test_a_client_has_no_more_places_by_its_many_addresses():
    calls = admission(strangers_each=1)
    place = calls.stranger("2001:db8:1:2::3")
    with pytest.raises(ResourceExhausted):
        calls.stranger("2001:db8:1:2::4")
    calls.stranger("2001:db8:1:3::3")
    place.leave()
    calls.stranger("2001:db8:1:2::4")


async def test_bodies_of_an_address_are_read_a_few_at_a_time_and_not_for_long():
    calls, sender = admission(readers_each=2, patience=0.05), Sender(late=True)
    reads = [asyncio.ensure_future(calls.stranger(ANN).read(sender)) for _ in range(5)]
    other = await calls.stranger(BOB).read(Sender(b"login"))

    found = await asyncio.gather(*reads, return_exceptions=True)

    assert other == b"login"
    assert [type(each) for each in found] == [InvalidArgument] * 5
    assert sender.begun == 2


@pytest.mark.parametrize(("message", "error"), [(b"x" * 8_193, ResourceExhausted), (grpc.aio.EOF, InvalidArgument)])
async def test_what_anybody_may_send_is_one_small_message(message, error):
    calls = admission(bytes=8_193)
    with pytest.raises(error):
        await calls.stranger(ANN).read(Sender(message))

    assert await calls.read(Sender(b"x" * 8_193), None), "nothing of it is held"
