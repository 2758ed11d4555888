"""Programs that a person lets in from a browser: by a device code (RFC 8628) or over the loopback (RFC 8252)."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from fp_kernel import FailedPrecondition, NotFound, Unauthenticated, invalid
from fp_kernel.texts import check_line

DEVICE_LIFE = timedelta(minutes=10)
POLL_EVERY = timedelta(seconds=2)
CODE_LIFE = timedelta(minutes=1)
# Without vowels, so that no word comes out (RFC 8628, section 6.1).
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_CODE_LENGTH = 8
_STATE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_MAX_PROGRAM = 100
_LOWEST_PORT, _HIGHEST_PORT = 1_024, 65_535


@dataclass(frozen=True, slots=True)
class DeviceSignIn:
    """device_hash: of the program's secret. user_id: who allowed it. decided_at: None while nobody decided."""

    device_hash: bytes
    user_code: str
    program: str
    ends: datetime
    decided_at: datetime | None = None
    user_id: str = ""

    def check_open(self, now: datetime) -> None:
        """Raises NotFound, FailedPrecondition."""
        if now >= self.ends:
            raise no_device()
        if self.decided_at is not None:
            raise FailedPrecondition("user_code: was decided about already", reason="ALREADY_DECIDED")


@dataclass(frozen=True, slots=True)
class LoopbackRequest:
    """What a program beside a browser asks; sealed, it travels with the browser."""

    program: str
    port: int
    challenge: str
    state: str
    ends: float

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def redirect_url(self, **parameters: str) -> str:
        """Always the loopback address: whatever was asked, no code goes elsewhere."""
        return f"http://127.0.0.1:{self.port}/callback?{urlencode(parameters | {'state': self.state})}"


@dataclass(frozen=True, slots=True)
class LoopbackCode:
    """Worth a session to whoever has the verifier of the challenge."""

    user_id: str
    challenge: str
    ends: float

    def dump(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def read_request(data: bytes) -> LoopbackRequest:
    return LoopbackRequest(**json.loads(data))


def read_code(data: bytes) -> LoopbackCode:
    return LoopbackCode(**json.loads(data))


def check_program(program: str) -> None:
    """Raises InvalidArgument."""
    check_line(program, "program", _MAX_PROGRAM)


def check_loopback(port: int, state: str) -> None:
    """Raises InvalidArgument."""
    if not _LOWEST_PORT <= port <= _HIGHEST_PORT:
        raise invalid("port", f"must be {_LOWEST_PORT} to {_HIGHEST_PORT}")
    if not _STATE.fullmatch(state):
        raise invalid("state", "must be 16 to 128 characters of base64url")


def user_code(entropy: bytes) -> str:
    """Eight letters, some 34 bits."""
    number = int.from_bytes(entropy, "big")
    letters = []
    for _ in range(_CODE_LENGTH):
        number, index = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[index])
    return "".join(letters)


def parse_user_code(typed: str) -> str:
    """Raises InvalidArgument."""
    code = re.sub(r"[\s-]", "", typed).upper()
    if len(code) != _CODE_LENGTH or not set(code) <= set(_LETTERS):
        raise invalid("user_code", "must be the eight letters that the program shows")
    return code


def shown(code: str) -> str:
    return f"{code[:4]}-{code[4:]}"


def secret_hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def no_device() -> NotFound:
    """Also for one that is over or was used."""
    return NotFound("code: there is no such sign-in, or it is over; begin again", reason="SIGN_IN_NOT_FOUND")


def denied() -> Unauthenticated:
    return Unauthenticated("the sign-in was refused in the browser", reason="SIGN_IN_DENIED")
