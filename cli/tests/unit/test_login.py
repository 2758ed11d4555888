"""A login whose account has a second factor."""

from contextlib import contextmanager

import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2
from fp_cli.commands import session
from fp_cli.output import State
from fp_kernel import Unauthenticated

REQUIRED = "SECOND_FACTOR_REQUIRED"


class Platform:
    """Lets in who gives a code; refuses with `reason` who gives none."""

    def __init__(self, reason):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.reason, self.codes = reason, []

    def call(self, method, request, *, anonymous):
        self.codes.append(request.totp_code)
        if not request.totp_code:
            raise Unauthenticated("not like this", reason=self.reason)
        return auth_pb2.LoginResponse(access_token="let in")


@pytest.fixture
def log_in(monkeypatch):
    def call(platform, *, code="", terminal):
        @contextmanager
        def connect(state):
            yield platform

        monkeypatch.setattr("fp_cli.client.connect", connect)
        monkeypatch.setattr("sys.stdin.isatty", lambda: terminal, raising=False)
        monkeypatch.setattr("typer.prompt", lambda _: "123456")
        monkeypatch.setenv("FP_PASSWORD", "p")
        return session._by_password(State(), "ada@example.com", code, from_stdin=False)

    return call


def test_at_a_terminal_the_code_is_asked_for_once_it_is_needed(log_in):
    platform = Platform(REQUIRED)
    assert log_in(platform, terminal=True).access_token == "let in"
    assert platform.codes == ["", "123456"]


def test_a_code_that_is_given_is_sent_at_once(log_in):
    platform = Platform(REQUIRED)
    log_in(platform, code="654321", terminal=True)
    assert platform.codes == ["654321"]


@pytest.mark.parametrize(("reason", "terminal", "step"), [(REQUIRED, False, "--code"), ("WRONG_CREDENTIALS", True, "")])
def test_without_a_terminal_and_after_a_wrong_password_nobody_is_asked(log_in, reason, terminal, step):
    platform = Platform(reason)
    with pytest.raises(Unauthenticated) as refused:
        log_in(platform, terminal=terminal)
    assert platform.codes == [""]
    assert step in refused.value.metadata.get("next_step", "")
