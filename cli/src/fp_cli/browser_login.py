"""Sign-in by a browser: over the loopback address of this computer (RFC 8252), or by a code elsewhere (RFC 8628)."""

import secrets
import socket
import sys
import time
import webbrowser
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from forgepoint.auth.v1 import auth_pb2, sign_in_pb2, sign_in_pb2_grpc
from fp_kernel import Unauthenticated

from fp_cli.client import Client

_PATIENCE: Final = 600.0
_PAGE: Final = b"<!doctype html><title>Forgepoint</title><p>Done. You can close this page.</p>"
_AGAIN: Final = {"next_step": "run `fp login --sso` again"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the browser brought back: a code, or the reason why there is none."""

    state: str
    code: str
    error: str


class Loopback(HTTPServer):
    """Waits on a free port of 127.0.0.1 for the one answer that carries `state`; any other is refused."""

    def __init__(self, state: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.state = state
        self.answer: Answer | None = None

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def wait(self, seconds: float) -> Answer:
        """Raises Unauthenticated when nobody answers."""
        until = time.monotonic() + seconds
        while self.answer is None and (left := until - time.monotonic()) > 0:
            self.timeout = left
            self.handle_request()
        if self.answer is None:
            raise Unauthenticated("nobody signed in", reason="SIGN_IN_TIMEOUT", metadata=_AGAIN)
        return self.answer


class _Handler(BaseHTTPRequestHandler):
    server: Loopback
    # A connection without a request must not hold up the answer.
    timeout = 5.0

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        said = {name: values[0] for name, values in parse_qs(parts.query).items()}
        answer = Answer(said.get("state", ""), said.get("code", ""), said.get("error", ""))
        good = parts.path == "/callback" and secrets.compare_digest(answer.state.encode(), self.server.state.encode())
        self.send_response(200 if good else 404)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(_PAGE) if good else 0))
        self.end_headers()
        if good:
            self.wfile.write(_PAGE)
            self.server.answer = answer

    def log_message(self, *_: Any) -> None:
        """Nothing: the query holds the code."""


def by_loopback(client: Client, *, open_browser: bool) -> auth_pb2.LoginResponse:
    """The session of a person who signs in by a browser of this computer. Raises Unauthenticated."""
    stub = sign_in_pb2_grpc.SignInServiceStub(client.channel)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    with Loopback(state) as loopback:
        request = sign_in_pb2.BeginLoopbackSignInRequest(
            program=_program(), port=loopback.port, code_challenge=challenge, state=state
        )
        begun = client.call(stub.BeginLoopbackSignIn, request, anonymous=True)
        _say(f"sign in at {begun.sign_in_url}")
        if open_browser:
            webbrowser.open(begun.sign_in_url)
        answer = loopback.wait(_PATIENCE)
    if not answer.code:
        raise Unauthenticated("the sign-in was refused in the browser", reason="SIGN_IN_DENIED", metadata=_AGAIN)
    redeem = sign_in_pb2.RedeemLoopbackSignInRequest(code=answer.code, code_verifier=verifier)
    session: auth_pb2.LoginResponse = client.call(stub.RedeemLoopbackSignIn, redeem, anonymous=True).session
    return session


def by_code(client: Client) -> auth_pb2.LoginResponse:
    """The session of a person who types a code into a browser anywhere. Raises Unauthenticated, NotFound."""
    stub = sign_in_pb2_grpc.SignInServiceStub(client.channel)
    begin = sign_in_pb2.BeginDeviceSignInRequest(program=_program())
    begun = client.call(stub.BeginDeviceSignIn, begin, anonymous=True)
    _say(f"open {begun.verification_url} and type the code {begun.user_code}")
    _say(f"or open {begun.verification_url_complete}")
    poll = sign_in_pb2.PollDeviceSignInRequest(device_code=begun.device_code)
    # When the code is over the platform does not know it any more, which ends the loop.
    while client.call(stub.PollDeviceSignIn, poll, anonymous=True).state == sign_in_pb2.DEVICE_SIGN_IN_STATE_PENDING:
        time.sleep(begun.interval.seconds)
    redeem = sign_in_pb2.RedeemDeviceSignInRequest(device_code=begun.device_code)
    session: auth_pb2.LoginResponse = client.call(stub.RedeemDeviceSignIn, redeem, anonymous=True).session
    return session


def _program() -> str:
    """What the person reads before he allows it."""
    return f"fp on {socket.gethostname()}"[:100].strip()


def _say(text: str) -> None:
    # On stderr: the output of the command is what it answers.
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
