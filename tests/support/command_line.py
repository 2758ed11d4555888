"""`fp` within a test: what it prints and the code it ends with, without starting a program each time."""

import io
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from fp_cli.main import main
from fp_testkit.patience import Bound
from platform_client import fp


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str


@pytest.fixture(scope="module")
def home(tmp_path_factory, platform):
    """A home in which the first admin has logged in."""
    home = tmp_path_factory.mktemp("home")
    secrets = {"FP_PASSWORD": platform.access.password}
    login = fp("login", "--email", platform.access.email, "--address", platform.access.address, home=home, env=secrets)
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
        with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
            patch.setattr(sys, "argv", ["fp", *arguments])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
            for name, value in env.items():
                patch.setenv(name, value)
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
    """What is asked for, once it holds: events take their time."""
    bound = Bound()
    while not holds(found := ask()):
        assert not bound.over, found
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
