"""Identities that have ended, known to every process that verifies credentials."""

import asyncio
from typing import Final, NoReturn, Protocol

from fp_events.bus import Bus
from fp_events.consumer.declaration import Broadcast
from fp_events.message.event import Event

SUBJECTS: Final = ("fp.auth.apikey.*", "fp.auth.identity.*")


class EndedIdentities(Protocol):
    """`fp_rpc.identity.ended.EndedIdentities` is one."""

    async def heed(self, payload: object) -> None:
        """What one event says."""

    async def renew(self) -> None:
        """Ask auth for what ended before the events came."""


async def follow_identities(bus: Bus, noun: str, ended: EndedIdentities) -> NoReturn:
    """Every replica hears what ended, from the moment on when it asked auth; runs until it is cancelled."""

    async def handle(event: Event) -> None:
        await ended.heed(event.payload)

    subscribed = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(bus.broadcast(Broadcast(f"{noun}-identities", SUBJECTS), handle, caught_up=subscribed))
        await subscribed.wait()
        # What ended before the subscription had begun comes by no event.
        await ended.renew()
    raise AssertionError("a broadcast ends only by an error")
