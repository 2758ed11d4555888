"""How a reader says what it has written: positions in the history of models."""

from dataclasses import dataclass
from typing import Protocol

from fp_kernel import InvalidArgument, invalid, parse_id

from fp_registry.domain.model import Model

FIELD = "fp-position"
MAX_POSITIONS = 16
_MAX_DIGITS = 18


class Change(Protocol):
    """What every command answers: the model, whose revision is the command's position."""

    @property
    def model(self) -> Model: ...


@dataclass(frozen=True, slots=True)
class ChangedModel:
    model: Model


@dataclass(frozen=True, slots=True)
class Position:
    """A model at one of its revisions. Its text is what a write answers and a read sends back."""

    model_id: str
    revision: int

    def __str__(self) -> str:
        return f"{self.model_id}:{self.revision}"


def parse_positions(text: str) -> tuple[Position, ...]:
    """Several are joined by commas. Raises InvalidArgument naming `fp-position`."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if len(parts) > MAX_POSITIONS:
        raise invalid(FIELD, f"at most {MAX_POSITIONS} positions")
    return tuple(_parse(part) for part in parts)


def _parse(part: str) -> Position:
    model_id, _, revision = part.partition(":")
    if not (revision.isascii() and revision.isdecimal() and len(revision) <= _MAX_DIGITS):
        raise _malformed()
    return Position(parse_id(model_id, FIELD), int(revision))


def _malformed() -> InvalidArgument:
    return invalid(FIELD, "must be what a write of this service answered")
