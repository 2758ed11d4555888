"""The session's real stores, each started at its first need."""

import os
import shutil
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from fp_devstack import Endpoints, Stack
    from fp_devstack.store_access import NatsAccess

    from fp_testkit.streams import Accounts

Name = Literal["postgres", "nats", "valkey", "seaweedfs"]
NAMES: tuple[Name, ...] = ("postgres", "nats", "valkey", "seaweedfs")
INFRA = "FP_TEST_INFRA"


class Stores(Protocol):
    def endpoints(self, name: Name) -> "Endpoints":
        """The endpoints of one store, started when it is not running yet; fields of the others are empty."""
        ...

    def object_store_of(self, noun: str) -> "Endpoints":
        """The object store with the credentials of a service."""
        ...

    async def next_bus(self, access: "NatsAccess | None" = None) -> str:
        """The URL of a NATS without streams, that no client of an earlier URL reaches. access: of its user."""
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
        from fp_devstack.supervisor.catalog import SERVICES, accesses

        if name not in self._stacks:
            # The object store's users are those that it starts with; elsewhere each test has users of its own.
            users = accesses(SERVICES) if name == "seaweedfs" else {}
            stack = Stack(self._folder / name, stores=(name,), accesses=users, durable=False)
            stack.start()
            self._stacks[name] = stack
        return self._stacks[name].endpoints

    def object_store_of(self, noun: str) -> "Endpoints":
        """See `Stores.object_store_of`."""
        self.endpoints("seaweedfs")
        return self._stacks["seaweedfs"].endpoints_of(noun)

    async def next_bus(self, access: "NatsAccess | None" = None) -> str:
        """See `Stores.next_bus`."""
        if self._accounts is None:
            from fp_testkit.streams import Accounts

            url = self.endpoints("nats").nats_url
            file = self._folder / "nats" / "nats" / "nats.conf"
            self._accounts = Accounts(url, file, self._stacks["nats"].pids["nats"] or 0)
        return await self._accounts.next(access)

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
