"""A destination that does not answer is left alone for a while, so that it does not take the room of the others."""

from dataclasses import dataclass

from fp_notification.domain.delivery import Answer

# Of a mail server that closes; of a webhook a host that is not the one it was taken for.
_CLOSES = 421
_TOO_MANY = 429
_FIRST_FAULT = 500


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """failures: in a row, from which on the destination is left alone. pause: seconds for which it is.

    After the pause one message tries it: when that is delivered the others follow, else it is left alone again.
    """

    failures: int = 5
    pause: float = 30.0


def is_fault(answer: Answer) -> bool:
    """Whether the destination is in trouble. What refuses one message is at work, and so is what is gone."""
    if answer.final:
        return False
    return answer.code in (0, _CLOSES, _TOO_MANY) or answer.code >= _FIRST_FAULT
