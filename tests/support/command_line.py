"""`fp` within a test: what it prints and the code it ends with, without starting a program each time."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
from fp_cli.main import main
from fp_testkit.patience import Bound


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


def within(*arguments: str, home: Path, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """As `fp` of platform_client: a process takes a second of processor time before it does what a test is about."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config")}
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    with (
        patch.dict(os.environ, environment | (env or {}), clear=True),
        patch.object(sys, "argv", ["fp", *arguments]),
        patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO())),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as end,
    ):
        main()
    said = []
    for stream in (out, err):
        stream.flush()
        said.append(stream.buffer.getvalue().decode())
    return subprocess.CompletedProcess(arguments, int(end.value.code or 0), *said)


@pytest.fixture(scope="module")
def home(tmp_path_factory, platform):
    """A home in which the first admin has logged in."""
    home = tmp_path_factory.mktemp("home")
    secrets = {"FP_PASSWORD": platform.access.password}
    login = within(
        "login", "--email", platform.access.email, "--address", platform.access.address, home=home, env=secrets
    )
    assert login.returncode == 0, login.stderr
    return home


@pytest.fixture
def run(home, platform, monkeypatch, capsys):
    """`run("models", "list")`: how it finished; `run.json(...)` what it printed; `given` is its standard input."""
    for name, value in {
        "XDG_CONFIG_HOME": str(home / ".config"),
        "FP_NATS_URL": platform.access.nats_url,
        "FP_DATA": str(platform.folder),
    }.items():
        monkeypatch.setenv(name, value)

    def call(*arguments: str, given: str = "", **env: str) -> Finished:
        with monkeypatch.context() as patched, pytest.raises(SystemExit) as end:
            patched.setattr(sys, "argv", ["fp", *arguments])
            patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            for name, value in env.items():
                patched.setenv(name, value)
            main()
        return Finished(int(end.value.code or 0), *capsys.readouterr())

    def document(*arguments: str, given: str = "") -> Any:
        finished = call(*arguments, "-o", "json", given=given)
        assert finished.code == 0, finished.err
        return json.loads(finished.out)

    capsys.readouterr()
    call.json = document  # type: ignore[attr-defined]
    return call


def refused(finished: Finished, code: int, text: str = "") -> None:
    """It ended with this code, said why and what to do next, and printed no result."""
    assert finished.code == code, finished.err
    assert finished.err.startswith("error: ")
    assert "\n  next: " in finished.err
    assert "Traceback" not in finished.err
    assert text in finished.err
    assert finished.out == ""


def eventually(ask: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """What is asked for, once it holds: events take their time, which the questions should not take from them."""
    bound, pause = Bound(), 0.2
    while not holds(found := ask()):
        assert not bound.over, found
        time.sleep(pause)
        pause = min(1.5 * pause, 1.0)
    return found


@pytest.fixture
def receiver():
    """URL of a webhook on loopback, which takes everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            """Says nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
