"""Deletes notifications that are too old to matter, and what belongs to them."""

from datetime import datetime, timedelta
from typing import Protocol

from fp_kernel import Clock

_BITE = 1_000


class Archive(Protocol):
    async def delete(self, before: datetime, now: datetime, limit: int) -> int:
        """Delete notifications of before that time with their deliveries and attempts; how many."""


class Retention:
    def __init__(self, archive: Archive, clock: Clock, age: timedelta) -> None:
        """age: how long a notification is retained."""
        self._archive = archive
        self._clock = clock
        self._age = age

    async def __call__(self) -> int:
        """How many went. In small bites: short locks, and vacuum keeps up."""
        now, deleted = self._clock.now(), 0
        while True:
            bite = await self._archive.delete(now - self._age, now, _BITE)
            deleted += bite
            if bite < _BITE:
                return deleted


class Hosts(Protocol):
    async def forget_hosts(self, after: str, limit: int) -> str:
        """Look at so many hosts behind this one and forget those that answer; the last one, empty at the end."""


class ForgetHosts:
    """What is known of hosts of webhooks that answer again; page by page, for the same reasons."""

    def __init__(self, hosts: Hosts) -> None:
        self._hosts = hosts

    async def __call__(self) -> None:
        host = ""
        while host := await self._hosts.forget_hosts(host, _BITE):
            pass
