"""One answer of an ensemble: its steps in the order of what they need, those of one level at the same time."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from fp_kernel import Clock, Error, FieldViolation, Kind
from fp_kernel.ensembles import Ensemble, Source, Step
from fp_kernel.tensors import Tensor

from fp_serving.app.ports import Members

Known = dict[Source, Tensor]


@dataclass(slots=True)
class Plan:
    """took: told the seconds of each answer, all its steps together."""

    ensemble: Ensemble
    members: Members
    clock: Clock
    took: Callable[[float], object] = lambda _: None
    _levels: tuple[tuple[Step, ...], ...] = field(init=False)

    def __post_init__(self) -> None:
        # Once and not for each answer.
        self._levels = self.ensemble.levels

    async def __call__(self, inputs: Mapping[str, Tensor], *, deadline: float) -> Mapping[str, Tensor]:
        """deadline: on the monotonic clock, of all steps together.

        Raises what a step raises, which it names; a tensor that the caller gave by the caller's name for it.
        """
        start = self.clock.monotonic()
        known: Known = {Source("", name): tensor for name, tensor in inputs.items()}
        for level in self._levels:
            if len(level) == 1:
                await self._run(level[0], known, deadline)
            else:
                await self._together(level, known, deadline)
        self.took(self.clock.monotonic() - start)
        # What the caller left out is not given back either.
        return {name: known[source] for name, source in self.ensemble.outputs.items() if source in known}

    async def _together(self, level: tuple[Step, ...], known: Known, deadline: float) -> None:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._tried(step, known, deadline)) for step in level]
        for task in running:
            error = task.result()
            if error is not None:
                raise error

    async def _tried(self, step: Step, known: Known, deadline: float) -> Error | None:
        """A value and not an exception: the group would wrap it."""
        try:
            await self._run(step, known, deadline)
        except Error as error:
            return error
        return None

    async def _run(self, step: Step, known: Known, deadline: float) -> None:
        given = {name: known[source] for name, source in step.inputs.items() if source in known}
        try:
            found = await self.members.ask(step, given, deadline=deadline)
        except Error as error:
            raise _named(step, error) from error
        known.update({Source(step.name, name): tensor for name, tensor in found.items()})


def _named(step: Step, error: Error) -> Error:
    fields = [_field(step, each) for each in error.fields] if error.kind is Kind.INVALID_ARGUMENT else []
    return type(error)(
        f"{step}: {error.message}",
        reason=error.reason,
        fields=fields,
        retry_after=error.retry_after,
        metadata=error.metadata,
    )


def _field(step: Step, violation: FieldViolation) -> FieldViolation:
    """As the caller knows it: his own tensor, or the one of the step that another one gave it."""
    for name, source in step.inputs.items():
        own = f"inputs[{name}]"
        if violation.field == own or violation.field.startswith(f"{own}."):
            rest = violation.field.removeprefix(own)
            field = f"steps[{step.name}].{own}{rest}" if source.step else f"inputs[{source.tensor}]{rest}"
            return FieldViolation(field, violation.description)
    return FieldViolation(f"steps[{step.name}].{violation.field}", violation.description)
