"""What every command answers besides its own result: the model, whose revision is the command's position."""

from dataclasses import dataclass
from typing import Protocol

from fp_registry.domain.model import Model


class Change(Protocol):
    @property
    def model(self) -> Model: ...


@dataclass(frozen=True, slots=True)
class ChangedModel:
    model: Model
