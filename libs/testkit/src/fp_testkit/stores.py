"""The session's real stores, each started at its first need."""

import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from fp_devstack import Endpoints, Stack

    from fp_testkit.streams import Accounts

Name = Literal["postgres", "nats", "valkey", "seaweedfs"]
NAMES: tuple[Name, ...] = ("postgres", "nats", "valkey", "seaweedfs")
INFRA = "FP_TEST_INFRA"


class Stores(Protocol):
    def endpoints(self, name: Name) -> "Endpoints":
        """The endpoints of one store, started when it is not running yet; fields of the others are empty."""
        ...

    async def next_bus(self) -> str:
        """The URL of a NATS without streams, that no client of an earlier URL reaches."""
        ...

    def stop(self) -> None: ...


class ChildStores:
    """Stores as child processes with their data below `folder`; gone with this process, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stacks: dict[Name, Stack] = {}
        self._accounts: Accounts | None = None

    def endpoints(self, name: Name) -> "Endpoints":
        from fp_devstack import Stack

        if name not in self._stacks:
            stack = Stack(self._folder / name, stores=(name,), durable=False)
            stack.start()
            self._stacks[name] = stack
        return self._stacks[name].endpoints

    async def next_bus(self) -> str:
        """See `Stores.next_bus`."""
        if self._accounts is None:
            from fp_testkit.streams import Accounts

            url = self.endpoints("nats").nats_url
            file = self._folder / "nats" / "nats" / "nats.conf"
            self._accounts = Accounts(url, file, self._stacks["nats"].pids["nats"] or 0)
        return await self._accounts.next()

    def stop(self) -> None:
        while self._stacks:
            name, stack = self._stacks.popitem()
            if name == "seaweedfs":
                # Its orderly end takes two seconds, to save data that goes with it.
                stack.kill(name)
            stack.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def open_stores(folder: Path) -> Stores:
    """Child processes, or containers with FP_TEST_INFRA=containers.

    Raises ValueError for another value.
    """
    chosen = os.environ.get(INFRA, "") or "children"
    if chosen == "containers":
        from fp_testkit.containers import ContainerStores

        return ContainerStores()
    if chosen == "children":
        return ChildStores(folder)
    raise ValueError(f"{INFRA} must be children or containers")


def all_endpoints(stores: Stores) -> "Endpoints":
    """Every store, started; each field from the store that has it."""
    from fp_devstack import Endpoints

    values: dict[str, str] = {}
    for part in map(stores.endpoints, NAMES):
        values |= {field.name: value for field in fields(part) if (value := getattr(part, field.name))}
    return Endpoints(**values)
