"""Programs that somebody asked for by name and that stay until somebody stops them, across restarts of everything."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from fp_kernel.errors import AlreadyExists, NotFound, ResourceExhausted

from fp_devstack.files import read_json, write_json
from fp_devstack.ports import Ports
from fp_devstack.reports import ProcessSpec, ProcessState, Runtime
from fp_devstack.supervisor import names
from fp_devstack.supervisor.unit import Unit

_LIMIT = 64
_PORTS = ("grpc", "http")


class Runtimes:
    """build: makes the unit of a runtime, not yet running. group: owns their tasks."""

    def __init__(
        self, path: Path, ports: Ports, build: Callable[[str, ProcessSpec], Unit], group: asyncio.TaskGroup
    ) -> None:
        self._path, self._ports, self._build, self._group = path, ports, build, group
        self._specs: dict[str, ProcessSpec] = {}
        self._units: dict[str, Unit] = {}
        # Held by each request that starts or stops that runtime now; deleted with the last of them.
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @property
    def units(self) -> Mapping[str, Unit]:
        return self._units

    @staticmethod
    def recorded_ports(path: Path) -> dict[str, tuple[str, ...]]:
        """Owner and ports of those that `restore` will start."""
        return {f"runtime/{name}": _PORTS for name in read_json(path)}

    def restore(self) -> None:
        """Starts those that were wanted when the supervisor ended."""
        for name, content in read_json(self._path).items():
            self._run(name, _spec_from(content))

    async def start(self, name: str, spec: ProcessSpec) -> Runtime:
        """Wanted from now on; recorded before it runs.

        Raises AlreadyExists when the name has another spec, InvalidArgument, ResourceExhausted.
        """
        names.check(name, spec)
        async with self._lock(name):
            known = self._specs.get(name)
            if known is None:
                if len(self._specs) >= _LIMIT:
                    raise ResourceExhausted(f"there are {_LIMIT} runtimes already; stop one")
                self._record({**self._specs, name: spec})
                self._run(name, spec)
            elif known != spec:
                raise AlreadyExists(f"runtime {name} runs with another spec")
            return self.report(name)

    async def stop(self, name: str) -> None:
        """Not wanted any more; waits for its end and frees its ports. A name that is unknown is fine."""
        async with self._lock(name):
            if name in self._specs:
                self._record({other: spec for other, spec in self._specs.items() if other != name})
                await self._units[name].stop()
                del self._units[name], self._specs[name]
                self._ports.forget(*(f"runtime/{name}.{port}" for port in _PORTS))

    def report(self, name: str) -> Runtime:
        """Raises NotFound."""
        unit, spec = self._units.get(name), self._specs.get(name)
        if unit is None or spec is None:
            raise NotFound(f"there is no runtime {name}")
        address, http = unit.addresses["grpc"], unit.addresses["http"]
        state = unit.state if unit.state is not ProcessState.STOPPED else ProcessState.STARTING
        return Runtime(name, address, http, state, spec.module, unit.pid, unit.restarts)

    def named(self, prefix: str) -> tuple[Runtime, ...]:
        return tuple(self.report(name) for name in sorted(self._units) if name.startswith(prefix))

    def _lock(self, name: str) -> asyncio.Lock:
        return self._locks.setdefault(name, asyncio.Lock())

    def _run(self, name: str, spec: ProcessSpec) -> None:
        unit = self._build(name, spec)
        self._specs[name], self._units[name] = spec, unit
        self._group.create_task(unit.run(), name=f"runtime {name}")

    def _record(self, specs: Mapping[str, ProcessSpec]) -> None:
        write_json(self._path, {name: asdict(spec) for name, spec in specs.items()})


def _spec_from(content: dict[str, Any]) -> ProcessSpec:
    return ProcessSpec(content["module"], content["environment"], tuple(content["arguments"]))
