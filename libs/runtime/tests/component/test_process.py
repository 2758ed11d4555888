import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fp_testkit.patience import PATIENCE

PROGRAM = Path(__file__).with_name("program.py")
SECRET = "a-secret-of-the-service"
SETTINGS = {
    "FP_AUTH_ISSUER": "http://127.0.0.1:1",
    "FP_SERVICE_SECRET": SECRET,
    "FP_BIND_HOST": "127.0.0.1",
    "FP_GRPC_PORT": "0",
    "FP_HTTP_PORT": "0",
    "FP_DRAIN_TIMEOUT": "2",
}


class Process:
    """The program with its log lines as they come."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FP_")}
        self.child = subprocess.Popen(
            [sys.executable, str(PROGRAM), *arguments],
            env=environment | {name: value for name, value in (SETTINGS | settings).items() if value},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []

    def until(self, message: str) -> dict[str, object]:
        """The first log line with this message; fails when the process ends without it."""
        for line in self.child.stderr:
            self.lines.append(line)
            if line.startswith("{") and json.loads(line)["message"] == message:
                return json.loads(line)
        raise AssertionError(f"no {message!r} in {self.lines}")

    def end(self) -> int:
        """The exit code; the rest of the lines is kept."""
        self.lines += list(self.child.stderr)
        return self.child.wait(PATIENCE)

    @property
    def messages(self) -> list[str]:
        return [json.loads(line)["message"] for line in self.lines if line.startswith("{")]


@pytest.fixture
def start() -> Iterator[type[Process]]:
    started: list[Process] = []

    def begin(*arguments: str, **settings: str) -> Process:
        started.append(Process(*arguments, **settings))
        return started[-1]

    yield begin
    for process in started:
        process.child.kill()
        process.child.wait()
        process.child.stdout.close()
        process.child.stderr.close()


def _get(port: object, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_order_with_exit_code_0(start, number):
    process = start()
    port = process.until("serving")["http_port"]
    assert _get(port, "/readyz")[0] == 200

    process.child.send_signal(number)

    assert process.end() == 0
    assert process.messages == ["serving", "stopping", "closed", "stopped"]


def test_the_collector_leaves_out_what_the_start_made(start):
    process = start(FP_MODE="collector")

    status, text = _get(process.until("serving")["http_port"], "/call")

    frozen, looked_at = map(int, text.split())
    assert status == 200
    assert frozen > 10 * looked_at


def test_a_missing_setting_stops_the_start_with_one_line_and_exit_code_2(start):
    process = start(FP_SERVICE_SECRET="")

    assert process.end() == 2
    assert process.lines == ["example: FP_SERVICE_SECRET is missing\n"]


def test_an_absent_store_stops_the_start_with_one_line_without_secrets_and_exit_code_1(start):
    process = start(FP_MODE="absent store")

    assert process.end() == 1
    failures = [line for line in process.lines if '"error"' in line]
    assert len(failures) == 1
    assert "postgres did not answer" in failures[0]
    assert SECRET not in "".join(process.lines)


def test_a_signal_while_a_store_is_awaited_ends_the_start_at_once(start):
    process = start(FP_MODE="absent store")
    process.until("waiting for a dependency")

    process.child.terminate()

    assert process.end() in {0, 1}
    assert process.messages[-1] in {"stopped", "start failed"}


@pytest.mark.parametrize(
    ("mode", "message"), [("broken task", "the relay is broken"), ("broken serve", "a fault of ours")]
)
def test_a_failure_of_our_own_ends_the_service_in_order_with_its_cause_told_once_and_exit_code_1(start, mode, message):
    process = start(FP_MODE=mode)

    assert process.end() == 1
    assert sum(message in line for line in process.lines) == 1
    assert "closed" in process.messages


def test_a_taken_port_is_named_by_its_variable(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(FP_HTTP_PORT=str(taken.getsockname()[1]))

        assert process.end() == 1

    assert any("FP_HTTP_PORT" in line and "cannot listen" in line for line in process.lines)


@pytest.fixture
def call() -> Iterator[Callable[[object], list[tuple[int, str]]]]:
    """Calls /call beside the test; the list has the answer when the service has ended."""
    callers: list[threading.Thread] = []

    def begin(port: object) -> list[tuple[int, str]]:
        answers: list[tuple[int, str]] = []

        def ask() -> None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                answers.append(_get(port, "/call"))

        callers.append(threading.Thread(target=ask))
        callers[-1].start()
        return answers

    yield begin
    for caller in callers:
        caller.join()


def test_a_call_in_hand_is_answered_before_the_service_ends(start, call):
    process = start(FP_MODE="slow call", FP_DRAIN_TIMEOUT=str(PATIENCE))
    answers = call(process.until("serving")["http_port"])
    process.until("in hand")

    process.child.terminate()

    assert process.end() == 0
    assert [status for status, _ in answers] == [200]


def test_a_call_that_does_not_end_does_not_hold_the_stop(start, call):
    process = start(FP_MODE="endless call")
    answers = call(process.until("serving")["http_port"])
    process.until("in hand")

    process.child.terminate()

    assert process.end() == 0
    assert 200 not in [status for status, _ in answers]


def test_a_second_signal_waits_for_nothing(start, call):
    process = start(FP_MODE="endless call", FP_DRAIN_TIMEOUT=str(PATIENCE))
    call(process.until("serving")["http_port"])
    process.until("in hand")

    process.child.terminate()
    process.until("stopping")
    process.child.terminate()

    assert process.end() == 128 + signal.SIGTERM
    assert "closed" not in process.messages


def test_a_blocked_loop_does_not_keep_the_process_alive(start):
    process = start(FP_MODE="blocked loop", FP_DRAIN_TIMEOUT="0.1")
    process.until("serving")

    process.child.terminate()

    assert process.end() == 1
    assert process.messages[-1] == "the stop took longer than all its bounds"


def test_services_forked_from_one_import_serve_and_stop_each_on_its_own(start):
    process = start("2")
    children = json.loads(process.child.stdout.readline())
    ports = {process.until("serving")["http_port"] for _ in children}

    assert {_get(port, "/readyz")[0] for port in ports} == {200}
    for child in children:
        os.kill(child, signal.SIGTERM)

    assert process.end() == 0
    assert process.messages.count("stopped") == 2
