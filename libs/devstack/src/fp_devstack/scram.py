"""Passwords of Postgres as the server stores them, so that none stands in a statement, which may come into its log."""

import base64
import hashlib
import hmac
import secrets

_SALT_BYTES = 16


def verifier(password: str, iterations: int, salt: bytes | None = None) -> str:
    """What `CREATE ROLE` and `ALTER ROLE` take in the place of a password of ASCII letters (RFC 5803)."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored_key = hashlib.sha256(_keyed(salted, b"Client Key")).digest()
    keys = f"{_text(stored_key)}:{_text(_keyed(salted, b'Server Key'))}"
    return f"SCRAM-SHA-256${iterations}:{_text(salt)}${keys}"


def _keyed(salted: bytes, name: bytes) -> bytes:
    return hmac.digest(salted, name, "sha256")


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")
