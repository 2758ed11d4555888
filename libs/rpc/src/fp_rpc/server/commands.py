"""Commands that may be sent twice."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from fp_kernel import Command, invalid
from google.protobuf.message import Message

from fp_rpc import headers
from fp_rpc.idempotency import FIELD, key_in_body
from fp_rpc.server.incoming_call import Call, current_call

_LONGEST: Final = 255


def command(request: Message, response: Callable[[Any], Message], *, call: Call | None = None) -> Command:
    """The identity of the command in `request`, for `Database.transaction`.

    response: makes the RPC's response of the use-case's result; it is stored and answered again.
    The key is the body's `idempotency_key`, else the `idempotency-key` header; empty when neither is there. That
    of a job holds within its execution: two trainings that name the run alike would share one, and the second could not
    write.
    Raises InvalidArgument naming `idempotency_key` for one longer than 255 characters or not printable.
    """
    call = call or current_call()
    key = _key(request, call)

    def encode(result: Any) -> bytes:
        return response(result).SerializeToString()

    fingerprint = _fingerprint(request) if key else b""
    return Command(team=call.team, rpc=call.method, key=key, fingerprint=fingerprint, encode=encode)


def expected_revision(request: Any) -> int | None:
    """What the change in `request` expects to change, for `check_revision`; None for whatever there is.

    Raises InvalidArgument for one below zero.
    """
    if not request.HasField("expected_revision"):
        return None
    found = int(request.expected_revision)
    if found < 0:
        raise invalid("expected_revision", "must be at least 0")
    return found


def _key(request: Message, call: Call) -> str:
    key = key_in_body(request) or call.metadata.get(headers.IDEMPOTENCY_KEY, "")
    if len(key) > _LONGEST or not key.isprintable():
        raise invalid(FIELD, f"must be at most {_LONGEST} printable characters")
    execution = call.principal.execution_id if call.principal else ""
    return f"{execution}:{key}" if execution and key else key


def _fingerprint(request: Message) -> bytes:
    body = type(request)()
    body.CopyFrom(request)
    if FIELD in body.DESCRIPTOR.fields_by_name:
        body.ClearField(FIELD)
    return hashlib.sha256(body.SerializeToString(deterministic=True)).digest()
