"""That somebody gave the right password a moment ago: who is asked for a code need not type the password again."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

LIFE = timedelta(minutes=5)
_HASH_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class PasswordProof:
    """password: of its stored hash, so that a proof ends with the password. ends: in seconds since 1970."""

    user_id: str
    password: str
    ends: float

    def dump(self) -> bytes:
        return json.dumps([self.user_id, self.password, int(self.ends)], separators=(",", ":")).encode()


def proof_of(user_id: str, password_hash: str, now: datetime) -> PasswordProof:
    return PasswordProof(user_id, digest_of(password_hash), (now + LIFE).timestamp())


def read_proof(data: bytes) -> PasswordProof:
    """What was sealed here."""
    user_id, password, ends = json.loads(data)
    return PasswordProof(user_id, password, float(ends))


def digest_of(password_hash: str) -> str:
    return hashlib.sha256(password_hash.encode()).hexdigest()[:_HASH_CHARACTERS]
