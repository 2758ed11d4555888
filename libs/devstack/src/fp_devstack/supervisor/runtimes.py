"""Programs that somebody asked for by name and that stay until somebody stops them, across restarts of everything."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from fp_kernel.errors import AlreadyExists, NotFound, ResourceExhausted
from fp_supervisor import ProcessSpec, ProcessState, Runtime

from fp_devstack.files import read_json, write_json
from fp_devstack.ports import Ports
from fp_devstack.supervisor import names
from fp_devstack.supervisor.unit import Unit

_PROCESSES = 64
_MEMBERS = 10_000
_PORTS = ("grpc", "http")


class Runtimes:
    """build: makes the unit of a runtime, not yet running. group: owns their tasks.

    A process is known by the name of its runtime, or by that of the group whose runtimes share it.
    """

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
        return {f"runtime/{_process(name, _spec_from(content))}": _PORTS for name, content in read_json(path).items()}

    def restore(self) -> None:
        """Starts those that were wanted when the supervisor ended."""
        for name, content in read_json(self._path).items():
            self._run(name, _spec_from(content))

    async def start(self, name: str, spec: ProcessSpec) -> Runtime:
        """Wanted from now on; recorded before it runs.

        Raises AlreadyExists when the name has another spec, InvalidArgument, ResourceExhausted.
        """
        names.check(name, spec)
        async with self._lock(_process(name, spec)):
            known = self._specs.get(name)
            if known is None:
                self._check_room(name, spec)
                self._record({**self._specs, name: spec})
                self._run(name, spec)
            elif known != spec:
                raise AlreadyExists(f"runtime {name} runs with another spec")
            return self.report(name)

    async def stop(self, name: str) -> None:
        """Not wanted any more; waits for its end and frees its ports. A name that is unknown is fine."""
        spec = self._specs.get(name)
        if spec is None:
            return
        process = _process(name, spec)
        async with self._lock(process):
            if name not in self._specs:
                return
            self._record({other: spec for other, spec in self._specs.items() if other != name})
            if process not in {_process(other, spec) for other, spec in self._specs.items() if other != name}:
                await self._units[process].stop()
                del self._units[process]
                self._ports.forget(*(f"runtime/{process}.{port}" for port in _PORTS))
            del self._specs[name]

    def report(self, name: str) -> Runtime:
        """Raises NotFound."""
        spec = self._specs.get(name)
        unit = self._units.get(_process(name, spec)) if spec is not None else None
        if unit is None or spec is None:
            raise NotFound(f"there is no runtime {name}")
        address, http = unit.addresses["grpc"], unit.addresses["http"]
        state = unit.state if unit.state is not ProcessState.STOPPED else ProcessState.STARTING
        return Runtime(name, address, http, state, spec.module, unit.pid, unit.restarts)

    def named(self, prefix: str) -> tuple[Runtime, ...]:
        return tuple(self.report(name) for name in sorted(self._specs) if name.startswith(prefix))

    def _lock(self, process: str) -> asyncio.Lock:
        return self._locks.setdefault(process, asyncio.Lock())

    def _check_room(self, name: str, spec: ProcessSpec) -> None:
        if len(self._specs) >= _MEMBERS:
            raise ResourceExhausted(f"there are {_MEMBERS} runtimes already; stop one")
        process = _process(name, spec)
        if process not in self._units:
            if len(self._units) >= _PROCESSES:
                raise ResourceExhausted(f"there are {_PROCESSES} processes of runtimes already; stop one")
            return
        for other in self._specs.values():
            if other.group == spec.group != "" and (other.module, other.environment, other.arguments) != (
                spec.module,
                spec.environment,
                spec.arguments,
            ):
                raise AlreadyExists(f"group {spec.group} runs with another spec")

    def _run(self, name: str, spec: ProcessSpec) -> None:
        self._specs[name] = spec
        process = _process(name, spec)
        if process not in self._units:
            self._units[process] = unit = self._build(process, spec)
            self._group.create_task(unit.run(), name=f"runtime {process}")

    def _record(self, specs: Mapping[str, ProcessSpec]) -> None:
        write_json(self._path, {name: asdict(spec) for name, spec in specs.items()})


def _spec_from(content: dict[str, Any]) -> ProcessSpec:
    return ProcessSpec(content["module"], content["environment"], tuple(content["arguments"]), content.get("group", ""))


def _process(name: str, spec: ProcessSpec) -> str:
    return spec.group or name
