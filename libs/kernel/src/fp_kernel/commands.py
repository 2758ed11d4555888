"""A command that a client may send twice and must happen once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Command:
    """Identity of one command: (team, rpc, key) for 24 hours.

    key: chosen by the client; empty means that the client asked for no idempotency.
    fingerprint: digest of the body without its key; the same key with another body is refused.
    encode: serialises the use-case's result into the RPC's response, which is stored with the state change and answers
    a repetition.
    """

    team: str
    rpc: str
    key: str
    fingerprint: bytes
    encode: Callable[[Any], bytes]


NO_COMMAND: Final = Command("", "", "", b"", lambda _: b"")
"""Of a change that no client asked for: it is never remembered and never answered."""


class Replayed(Exception):
    """The command was done before; `response` is its stored answer."""

    def __init__(self, response: bytes) -> None:
        super().__init__("command was done before")
        self.response = response
