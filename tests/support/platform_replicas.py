"""Further processes of a running platform's services, as its supervisor would start them, which can be killed."""

import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from fp_devstack.stack import Stack
from fp_devstack.supervisor.catalog import EDGE, SERVICES, accesses
from fp_devstack.supervisor.environment import Environments
from fp_testkit.edge_process import EdgeProcess
from fp_testkit.ports import free_port
from platform_client import Platform
from replicas import Process

_NOTED = Path(__file__).with_name("noted_service.py")
_SERVICES = {service.noun: service for service in (*SERVICES, EDGE)}


class NotedProcess(Process):
    """Notes each call that reaches it, over all its lives."""

    @property
    def notes(self) -> Path:
        return self.log.with_suffix(".calls")

    @property
    def command(self) -> list[str]:
        return [sys.executable, str(_NOTED), str(self.notes), f"fp_{self.noun}"]

    def arrived(self) -> Counter[str]:
        """How often each attempt of a call reached it, by `correlation-id method attempt`."""
        return Counter(self.notes.read_text().splitlines()) if self.notes.exists() else Counter()


class PlatformReplicas:
    """Environments of a platform that runs, for processes beside its own."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        stack = Stack(platform.folder, accesses=accesses(SERVICES))
        for store in stack._stores.values():
            store.ports = {name: stack.ports.recorded(f"{store.name}.{name}") or 0 for name in store.port_names}
        stack._endpoints = stack._describe()
        self._stack, self._platform, self._folder = stack, platform, folder
        outer = {"PATH": os.environ["PATH"]}
        self._environments = Environments(platform.folder, stack.ports, stack.secrets, (*SERVICES, EDGE), outer)

    def process(self, noun: str, number: int, make: Callable[..., NotedProcess] = NotedProcess, **settings: str) -> Any:
        """On ports of its own, with a folder of its own for what it keeps on disk."""
        service = _SERVICES[noun]
        url = self._platform.access.databases.get(noun, "")
        environment = self._environments.service(service, self._stack.endpoints_of(noun), url)
        spool = self._folder / f"spool-{noun}-{number}"
        spool.mkdir(exist_ok=True)
        own = {"FP_GRPC_PORT": "", "FP_HTTP_PORT": "", "FP_HTTPS_PORT": "", "FP_GATEWAY_HTTP_PORT": ""}
        ports = {name: str(free_port()) for name in own if name in environment}
        kept = {"FP_SPOOL_DIR": str(spool)} if "FP_SPOOL_DIR" in environment else {}
        return make(noun, {**environment, **ports, **kept, **settings}, self._folder / f"{noun}-{number}.log")

    def edge(self, **addresses: str) -> EdgeProcess:
        """In front of the platform's services, but for these addresses."""
        environment = self._environments.service(_SERVICES["edge"], self._stack.endpoints_of("edge"), "")
        behind = {name[3:-5].lower(): value for name, value in environment.items() if name.endswith("_ADDR")}
        return EdgeProcess(self._folder, behind | addresses, FP_EDGE_PROOFS=environment["FP_EDGE_PROOFS"])


Started = Callable[..., Awaitable[Any]]


@pytest.fixture
def platform_replicas(platform: Platform, tmp_path: Path) -> PlatformReplicas:
    return PlatformReplicas(platform, tmp_path)


@pytest.fixture
async def started() -> AsyncIterator[Started]:
    """`await started(process)`: stopped when the test ends."""
    async with AsyncExitStack() as stack:

        async def start(process: Any) -> Any:
            stack.push_async_callback(process.stop)
            await process.start()
            return process

        yield start
