"""The versions that an ensemble runs: versions of this process as any other, loaded for its sake (ADR 0238)."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from fp_kernel.ensembles import Step
from fp_kernel.signatures import Signature
from fp_kernel.tensors import Tensor

from fp_serving.app.session import Asked, Resident
from fp_serving.app.slot import Assignment
from fp_serving.domain.lifecycle import MemberFailed, TooLarge


class House(Protocol):
    """What members need of `Residents`."""

    @property
    def team(self) -> str: ...

    def load(self, assignment: Assignment, label: str, *, pinned: bool = False, member: bool = False) -> Resident: ...

    async def answer(self, asked: Asked, inputs: Mapping[str, Tensor], *, deadline: float) -> Mapping[str, Tensor]: ...


class HouseMembers:
    """`ports.Members`. pinned: members of the version for which the process was started stay as it does."""

    def __init__(self, house: House, *, pinned: bool) -> None:
        self._house = house
        self._pinned = pinned

    async def up(self, steps: Sequence[Step]) -> Mapping[str, Signature]:
        begun = [(step, self._begin(step)) for step in steps]
        for step, resident in begun:
            await self._settled(step, resident)
        found = {step.name: _signature(resident) for step, resident in begun}
        for step, _ in begun:
            if found[step.name] is None:
                raise TooLarge(f"{step} was unloaded to make room: all steps together have no place in this process")
        return {name: signature for name, signature in found.items() if signature is not None}

    async def ask(self, step: Step, inputs: Mapping[str, Tensor], *, deadline: float) -> Mapping[str, Tensor]:
        asked = Asked(step.model, step.version, step.version_id)
        return await self._house.answer(asked, inputs, deadline=deadline)

    def _begin(self, step: Step) -> Resident:
        assignment = Assignment(self._house.team, step.version_id, step.model, step.digest)
        return self._house.load(assignment, step.version, pinned=self._pinned, member=True)

    async def _settled(self, step: Step, resident: Resident) -> None:
        """Raises MemberFailed, with the reason of the member."""
        session = resident.session
        if session is not None and session.loading is not None:
            await asyncio.wait({session.loading})
        if session is not None and session.failure is not None:
            raise MemberFailed(f"{step}: {session.failure.message}", session.failure.reason)


def _signature(resident: Resident) -> Signature | None:
    session = resident.session
    if session is None or not resident.is_ready:
        return None
    schema = session.slot.loaded().schema
    return Signature(schema.inputs, schema.outputs)
