"""How `make test` spreads the tests over workers: `pytest --workers 4`.

The workers are forks of the process that has collected the tests, so that modules are imported and rewritten once. A
worker takes the next unit of `fp_testkit.order` as it is done with one, and tells the process that forked it what came
of each test; that one prints it, as of a run without workers.
"""

import gc
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from multiprocessing.connection import Connection, Pipe, wait
from pathlib import Path
from typing import Any, Final

import pytest
from fp_devstack.children import die_with_parent

from fp_testkit import order

_NUMBER_BYTES: Final = 4
_COLLECTIONS: Final = (20_000, 20, 20)
Unit = list[pytest.Item]


class _Turns:
    """The numbers of the units in a file that all workers have open: what one has read the others do not."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._units = units
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 -- `close`
        self._file.write(b"".join(number.to_bytes(_NUMBER_BYTES, "big") for number in range(len(units))))
        self._file.seek(0)

    def next(self) -> Unit:
        """Nothing when there are no more."""
        number = self._file.read(_NUMBER_BYTES)
        return self._units[int.from_bytes(number, "big")] if number else []

    def end(self) -> None:
        """Nobody takes another one."""
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        self._file.close()


@dataclass(frozen=True, slots=True)
class _Warning:
    text: str
    category: str
    filename: str
    lineno: int
    when: Any
    nodeid: str
    location: Any

    def record(self, config: pytest.Config) -> None:
        category = type(self.category, (UserWarning,), {})
        message = warnings.WarningMessage(self.text, category, self.filename, self.lineno)
        arguments = {"warning_message": message, "when": self.when, "nodeid": self.nodeid, "location": self.location}
        config.hook.pytest_warning_recorded.call_historic(kwargs=arguments)


class _Teller:
    """Of a worker: tells what its tests did."""

    def __init__(self, config: pytest.Config, told: "Connection[Any, Any]") -> None:
        self._config, self._told = config, told

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._told.send(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_warning_recorded(
        self, warning_message: warnings.WarningMessage, when: Any, nodeid: str, location: Any
    ) -> None:
        name, at = warning_message.category.__name__, (warning_message.filename, warning_message.lineno)
        self._told.send(_Warning(str(warning_message.message), name, *at, when, nodeid, location))


class Workers:
    """Of one run."""

    def __init__(self, session: pytest.Session, count: int) -> None:
        self._session, self._config = session, session.config
        units = [list(items) for _, items in groupby(session.items, key=lambda item: order.unit(item.nodeid))]
        _refuse_channels()
        self._turns = _Turns(units)
        self._unfinished = {item.nodeid: item for item in session.items}
        self._ends: dict[int, int] = {}
        self._failures: list[str] = []
        # Made here: all workers put their folders in it.
        self._config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]  # noqa: SLF001 -- no other way
        self._listening = dict(self._fork() for _ in range(min(count, len(units))))

    def run(self) -> None:
        """Raises what the loop of a run without workers does, and `Failed` for a worker that did not end well."""
        try:
            while self._listening:
                for told in wait(list(self._listening)):
                    assert isinstance(told, Connection)
                    self._hear(told)
        finally:
            self._turns.end()
            for pid in self._listening.values():
                os.kill(pid, signal.SIGTERM)
            for told in list(self._listening):
                self._end(told)
            self._turns.close()
        if self._failures:
            self._blame()
        if self._session.shouldfail:
            raise self._session.Failed(self._session.shouldfail)
        if self._session.shouldstop:
            raise self._session.Interrupted(self._session.shouldstop)

    def _fork(self) -> "tuple[Connection[Any, Any], int]":
        heard, told = Pipe(duplex=False)
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        pid = os.fork()
        if not pid:
            heard.close()
            _work(self._session, self._turns, told, parent)
        told.close()
        return heard, pid

    def _hear(self, told: "Connection[Any, Any]") -> None:
        try:
            said = told.recv()
        except EOFError:
            self._end(told)
            return
        if isinstance(said, _Warning):
            said.record(self._config)
        elif isinstance(said, str):
            self._failures.append(said)
        else:
            self._report(self._config.hook.pytest_report_from_serializable(config=self._config, data=said))

    def _report(self, report: pytest.TestReport) -> None:
        self._config.hook.pytest_runtest_logreport(report=report)
        if report.when == "teardown":
            del self._unfinished[report.nodeid]
            self._config.hook.pytest_runtest_logfinish(nodeid=report.nodeid, location=report.location)
        if self._session.shouldfail or self._session.shouldstop:
            self._turns.end()

    def _end(self, told: "Connection[Any, Any]") -> None:
        _, status = os.waitpid(self._listening.pop(told), 0)
        told.close()
        if status and not self._session.shouldfail:
            self._failures.append(f"a worker ended with {os.waitstatus_to_exitcode(status)}")

    def _blame(self) -> None:
        """No test that did not run to its end is left out."""
        reason = "\n".join(self._failures)
        for nodeid, item in list(self._unfinished.items()):
            del self._unfinished[nodeid]
            lost = f"not run to its end: {reason}"
            report = pytest.TestReport(nodeid, item.location, {}, "failed", lost, "call", duration=0, start=0, stop=0)
            self._config.hook.pytest_runtest_logreport(report=report)
        self._session.shouldfail = self._session.shouldfail or reason


def _refuse_channels() -> None:
    """The core of gRPC starts threads with the first channel; a fork has none of them and waits for their work."""
    for thread in Path("/proc/self/task").glob("*"):
        if (thread / "comm").read_text().startswith("grpc"):
            raise pytest.UsageError("a test file opens a channel of gRPC when it is imported: let a fixture do it")


def _work(session: pytest.Session, turns: _Turns, told: "Connection[Any, Any]", parent: int) -> None:
    """A worker's life; does not return."""
    status = 1
    try:
        die_with_parent(parent)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # what has begun is torn down
        config = session.config
        # Tests make little garbage that only a collection finds, and a worker is gone after some minutes.
        gc.set_threshold(*_COLLECTIONS)
        config.pluginmanager.unregister(name="terminalreporter")
        # Its own files: those of the process that forked it have one place where all would write.
        capture = config.pluginmanager.getplugin("capturemanager")
        capture.stop_global_capturing()
        capture.start_global_capturing()
        config.pluginmanager.register(_Teller(config, told))
        try:
            _run(session, turns)
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_IGN)  # once is enough
            session._setupstate.teardown_exact(None)  # noqa: SLF001 -- what is left after an early end
        config._ensure_unconfigure()  # noqa: SLF001 -- looks for errors that nobody could be told of
        status = 0
    except KeyboardInterrupt:
        status = pytest.ExitCode.INTERRUPTED
    except BaseException:  # noqa: BLE001 -- told, whatever it is
        told.send(traceback.format_exc())
    finally:
        told.close()
        os._exit(status)


def _run(session: pytest.Session, turns: _Turns) -> None:
    for item, following in _pairs(turns):
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldfail or session.shouldstop:
            return


def _pairs(turns: _Turns) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Each test with the one that follows it, which decides which fixtures end."""
    unit = turns.next()
    while unit:
        yield from pairwise(unit)
        last, unit = unit[-1], turns.next()
        yield last, unit[0] if unit else None
