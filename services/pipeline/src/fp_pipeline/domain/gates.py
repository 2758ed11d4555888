"""Steps that judge a version: which they are, and what they said."""

from typing import Final

from fp_pipeline.domain import backtest, challenge
from fp_pipeline.domain.definition import StepType
from fp_pipeline.domain.execution import Step, StepStatus

_CANARY: Final = "canary"
_CONTEST: Final = "contest"
_REFUSALS: Final = (backtest.REFUSED, challenge.REFUSED)


def gate_of(step: Step) -> str:
    """`backtest`, `contest` or `canary`; empty for a step that judges nobody."""
    definition = step.definition
    if definition.type is StepType.CANARY:
        # One without an objective waits, and judges nobody.
        return "" if step.output.get("judged") is False else _CANARY
    if definition.type is not StepType.EVALUATE:
        return ""
    if backtest.KEY in definition.config:
        return backtest.KEY
    return _CONTEST if definition.config.get("incumbent") else ""


def verdict_of(step: Step, *, cancelled: bool) -> str:
    """`passed`, `refused`, `cancelled`, or `failed` where nobody was judged. step: that has ended."""
    if step.status is StepStatus.COMPLETED:
        return "passed"
    if cancelled:
        return "cancelled"
    judged = "reason" in step.output if gate_of(step) == _CANARY else step.error.startswith(_REFUSALS)
    return "refused" if judged else "failed"
