"""Commands that may be sent twice."""

from collections.abc import Callable
from typing import Any

from fp_kernel import Command
from google.protobuf.message import Message

from fp_rpc.call import Call


def command(request: Message, response: Callable[[Any], Message], *, call: Call | None = None) -> Command:
    """The identity of the command in `request`, for `Database.transaction`.

    response: makes the RPC's response of the use-case's result; it is stored and answered again.
    The key is the body's `idempotency_key`, else the `idempotency-key` header; empty when neither is there.
    Raises InvalidArgument naming `idempotency_key` for one longer than 255 characters or not printable.
    """
    raise NotImplementedError
