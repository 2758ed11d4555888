"""Frames of one turn of the loop leave together."""

import asyncio
from typing import Any

from fp_rpc.link.outbox import Outbox


class Wire:
    """Notes each write. closing: as a transport says it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closing = False

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    def is_closing(self) -> bool:
        return self.closing


def outbox() -> tuple[Outbox, Wire]:
    wire: Any = Wire()
    return Outbox(wire, asyncio.get_running_loop()), wire


async def test_what_is_sent_in_one_turn_is_one_write() -> None:
    box, wire = outbox()
    for frame in (b"a", b"b", b"c"):
        box.send(frame)
    assert wire.writes == []
    await asyncio.sleep(0)
    box.send(b"d")
    await asyncio.sleep(0)
    assert wire.writes == [b"abc", b"d"]


async def test_many_frames_of_one_turn_do_not_wait_for_its_end() -> None:
    box, wire = outbox()
    for _ in range(40):
        box.send(b"x")
    assert [len(each) for each in wire.writes] == [16, 16]
    await asyncio.sleep(0)
    assert [len(each) for each in wire.writes] == [16, 16, 8]
    await asyncio.sleep(0)
    assert len(wire.writes) == 3


async def test_a_large_frame_goes_at_once_behind_what_waits() -> None:
    box, wire = outbox()
    box.send(b"a")
    box.send(bytes(100_000))
    assert [len(each) for each in wire.writes] == [100_001]
    await asyncio.sleep(0)
    assert len(wire.writes) == 1


async def test_what_is_left_can_go_before_the_connection_is_closed() -> None:
    box, wire = outbox()
    box.send(b"a")
    box.flush()
    wire.closing = True
    box.send(b"b")
    await asyncio.sleep(0)
    assert wire.writes == [b"a"]
