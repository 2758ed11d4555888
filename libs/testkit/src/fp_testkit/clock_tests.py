"""Which tests touch time, and the clock under which `make proof` runs them.

Nobody has to remember the marker: a test has it as soon as it, or a fixture that it asks for, is of a module that names
dates, durations or clocks.
"""

import os
import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo
from importlib import import_module
from types import ModuleType
from typing import Any, Final

import pytest

from fp_testkit.ports import free_port
from fp_testkit.wallclock import RunningClock, machine_seconds

_MODULES: Final = frozenset({"datetime", "time", "fp_testkit.clock", "fp_testkit.wallclock"})
_MESSAGES: Final = frozenset({"google.protobuf.timestamp_pb2", "google.protobuf.duration_pb2"})
# Programs and signatures that keep the real time: other processes, and what the object store checks.
_REAL_TIME: Final = frozenset({"platform", "s3", "sign_in_provider"})


def mark(items: Iterable[pytest.Item]) -> None:
    """Gives `clock` to each test that touches time, `real_time` to each that needs the machine's."""
    known: dict[int, bool] = {}
    for item in items:
        fixtures = frozenset(getattr(item, "fixturenames", ()))
        if "clock" in fixtures or any(_known(each, known) for each in _namespaces(item)):
            item.add_marker(pytest.mark.clock)
        if fixtures & _REAL_TIME or starts_programs(vars(getattr(item, "module", item))):
            item.add_marker(pytest.mark.real_time)


def travel() -> None:
    """Move the Python clock of this process, and of what it forks, to `FP_TEST_MOMENT`, from where it goes on.

    Without that variable nothing happens. The monotonic clock, deadlines of gRPC, the stores and every other process
    keep the real time.
    """
    if "FP_TEST_MOMENT" in os.environ:
        import time_machine

        _leave_deadlines()
        time_machine.travel(RunningClock().now(), tick=True).start()


def _leave_deadlines() -> None:
    """Python makes deadlines of gRPC and its core waits for them by the machine's clock: a second became two months."""
    machine = ModuleType("time")
    vars(machine).update(vars(time) | {"time": machine_seconds})
    for name in ("grpc._channel", "grpc._cython.cygrpc", "grpc.aio._utils"):
        vars(import_module(name))["time"] = machine


def names_time(namespace: Mapping[str, Any]) -> bool:
    """Whether a module names a date, a duration or a clock."""
    return any(_is_time(value) for value in tuple(namespace.values()))


def starts_programs(namespace: Mapping[str, Any]) -> bool:
    """Whether a module starts services as programs: they judge the tests' tokens by the machine's clock."""
    found = tuple(namespace.values())
    return any(value is sys for value in found) and any(value is free_port for value in found)


def _is_time(value: object) -> bool:
    if isinstance(value, datetime | timedelta | tzinfo) or value is time:
        return True
    if isinstance(value, ModuleType):
        return value.__name__ in _MODULES
    return getattr(value, "__module__", None) in _MODULES | _MESSAGES


def _namespaces(item: pytest.Item) -> Iterable[Mapping[str, Any]]:
    """Of the modules of the test and of its fixtures; not of the plugin, which names clocks for whoever asks."""
    yield vars(getattr(item, "module", item))
    found = getattr(item, "_fixtureinfo", None)
    for definitions in found.name2fixturedefs.values() if found else ():
        namespace = getattr(definitions[-1].func, "__globals__", {})
        if not str(namespace.get("__name__", "")).startswith("fp_testkit."):
            yield namespace


def _known(namespace: Mapping[str, Any], known: dict[int, bool]) -> bool:
    if id(namespace) not in known:
        known[id(namespace)] = names_time(namespace)
    return known[id(namespace)]
