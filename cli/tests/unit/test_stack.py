"""`fp up` and the contexts."""

import pytest
from fp_cli import context as contexts
from fp_cli.commands import stack
from fp_cli.main import app
from fp_cli.output import State
from fp_kernel import NotFound
from fp_supervisor import Access
from typer.testing import CliRunner


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.delenv("FP_DATA", raising=False)
    monkeypatch.delenv("FP_CONTEXT", raising=False)


def test_up_makes_the_context_that_it_names(tmp_path, monkeypatch):
    access = Access("127.0.0.1:9", "127.0.0.1:8", "nats://127.0.0.1:7", "ada@example.com", "password", "platform")
    monkeypatch.setattr("fp_cli.platform.start", lambda *_, **__: access)

    ended = CliRunner().invoke(app, ["--context", "second", "up"])

    assert ended.exit_code == 0, ended.output
    assert contexts.everything().current == "second"
    known = contexts.load("second")
    assert (known.address, known.data_folder) == ("127.0.0.1:9", str(tmp_path / "data" / "forgepoint"))


def test_what_is_done_to_a_platform_needs_a_context_that_is_there():
    with pytest.raises(NotFound, match="no context second"):
        stack.folder(State(context="second"), None)
