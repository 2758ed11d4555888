"""The second factor of an account: codes of an app that change every 30 seconds, and recovery codes for who lost it.

A code is good in the step of time that it belongs to and in the ones beside it, because clocks differ, and once: steps
up to the last one that was used are over, so that a code which somebody looked at over a shoulder is worth nothing.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fp_kernel.key_encryption import WrappedKey

STEP_SECONDS = 30
DIGITS = 6
SECRET_BYTES = 20
RECOVERY_CODES = 10
RECOVERY_BYTES = 10
ENROLMENT_LIFE = timedelta(minutes=15)
_BESIDE = 1
_TOTP = re.compile(rf"[0-9]{{{DIGITS}}}")
_RECOVERY = re.compile(r"[A-Z2-7]{16}")
_MAX_TYPED = 64


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """As it is stored. id: of its enrolment. last_step: no code of this step, or of one before, is good any more.

    recovery_hashes: of the codes that were not used.
    """

    user_id: str
    id: str
    key: WrappedKey
    sealed: bytes = field(repr=False)
    begun_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0
    recovery_hashes: frozenset[bytes] = field(default=frozenset(), repr=False)

    @property
    def turned_on(self) -> bool:
        return self.confirmed_at is not None

    def open_until(self) -> datetime:
        """When an enrolment that nobody confirmed is over."""
        return self.begun_at + ENROLMENT_LIFE


@dataclass(frozen=True, slots=True)
class Match:
    """What a right code was, one of the two: a step of time, or a recovery code by its hash."""

    factor_id: str
    step: int = 0
    recovery_hash: bytes = field(default=b"", repr=False)


def step_of(now: datetime) -> int:
    return int(now.timestamp()) // STEP_SECONDS


def good_steps(now: datetime, last_step: int) -> range:
    """Steps whose codes are good now and were not used."""
    step = step_of(now)
    return range(max(step - _BESIDE, last_step + 1), step + _BESIDE + 1)


def matching_step(typed: str, steps: Sequence[int], code_of: Callable[[int], str]) -> int | None:
    """The newest of the steps with this code. Looks at all of them, so that the time of an answer says nothing."""
    code, found = normal_code(typed), None
    for step in steps:
        if hmac.compare_digest(code_of(step).encode(), code.encode()):
            found = step
    return found


def normal_code(typed: str) -> str:
    """Without what people type between the parts, and without case; empty for what no code can be."""
    if len(typed) > _MAX_TYPED:
        return ""
    code = re.sub(r"[\s-]", "", typed).upper()
    return code if _TOTP.fullmatch(code) or _RECOVERY.fullmatch(code) else ""


def recovery_code(entropy: bytes) -> str:
    """80 bits as people copy them, for example `abcd-efgh-ijkl-mnop`."""
    if len(entropy) != RECOVERY_BYTES:
        raise ValueError(f"a recovery code needs {RECOVERY_BYTES} random bytes")
    text = base64.b32encode(entropy).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def recovery_hash(typed: str) -> bytes:
    """A plain digest: nobody guesses 80 random bits. Empty for what no recovery code can be."""
    code = normal_code(typed)
    return hashlib.sha256(code.encode()).digest() if _RECOVERY.fullmatch(code) else b""


def secret_text(secret: bytes) -> str:
    """As people type it into an app that has no camera."""
    return base64.b32encode(secret).decode()


def factor_context(user_id: str) -> bytes:
    """What a sealed secret and its data key are bound to: moved to another user they do not open."""
    return json.dumps(["forgepoint second factor", user_id]).encode()
