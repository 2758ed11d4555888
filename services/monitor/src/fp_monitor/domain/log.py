"""The prediction log of a model: what is taken, and where it lies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote
from uuid import UUID

from fp_kernel import invalid
from fp_kernel.masking import masked
from fp_kernel.sampling import WHOLE, sampled
from fp_kernel.tensors import Tensor

from fp_monitor.domain.id_filter import IdFilter

DEFAULT_DAYS = 30
MAX_DAYS = 3_650
MAX_MASKED = 256
MAX_ERASED = 1_000
_DAY = timedelta(days=1)
# Between the start of a request, which its id may tell, and its answer.
_LONGEST_CALL = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Policy:
    """sample_bps: of 10,000 predictions; 0 logs none. masked: names of tensors and columns. days: of answers that stay.

    changed_by: who made the revision.
    """

    team: str
    model_name: str
    sample_bps: int
    masked: tuple[str, ...]
    days: int
    created_at: datetime
    updated_at: datetime
    revision: int
    changed_by: str


@dataclass(frozen=True, slots=True)
class LoggedTensor:
    """columns: names of the first elements of a row, where they have any."""

    tensor: Tensor
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """What really happened, and when that was."""

    actual: str
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class Logged:
    """A prediction as it was asked and answered. micros: of the call. masked: names of what was left out.

    trace_id: of the call that asked, 32 hexadecimal digits; empty where it had none.
    """

    request_id: str
    answered_at: datetime
    version: str
    model_id: str
    is_canary: bool
    micros: int
    rows: int
    inputs: Mapping[str, LoggedTensor]
    outputs: Mapping[str, LoggedTensor]
    masked: tuple[str, ...] = ()
    label: Label | None = None
    trace_id: str = ""

    @property
    def day(self) -> date:
        return self.answered_at.astimezone(UTC).date()

    def under(self, policy: Policy) -> "Logged | None":
        """As the policy lets it be stored; None for one that it does not take."""
        if not sampled(self.request_id, policy.sample_bps):
            return None
        if not policy.masked:
            return self
        gone = set(self.masked)
        inputs, outputs = (_hidden(each, policy.masked, gone) for each in (self.inputs, self.outputs))
        return replace(self, inputs=inputs, outputs=outputs, masked=tuple(sorted(gone)))


def _hidden(tensors: Mapping[str, LoggedTensor], names: Sequence[str], gone: set[str]) -> dict[str, LoggedTensor]:
    found = {}
    for name, each in tensors.items():
        tensor, hidden = masked(name, each.columns, each.tensor, names)
        gone.update(hidden)
        found[name] = replace(each, tensor=tensor)
    return found


@dataclass(frozen=True, slots=True)
class LogFile:
    """level: how often it was merged. complete: it is merged no more. first_at, last_at: of its answers.

    labelled: it has its labels. erased_up_to: number of the last erased entity of which it has nothing.
    ids: its filter (`domain.id_filter`), of one that is to count from now on.
    """

    team: str
    model_name: str
    day: date
    name: str
    level: int
    complete: bool
    predictions: int
    bytes: int
    first_at: datetime
    last_at: datetime
    labelled: bool = False
    erased_up_to: int = 0
    ids: IdFilter | None = None

    @property
    def object(self) -> str:
        return object_name(self.team, self.model_name, self.day, self.name)


@dataclass(frozen=True, slots=True)
class Merged:
    """A file's content, and what it has: request ids, and the first and last answer."""

    content: bytes
    request_ids: Sequence[str]
    first_at: datetime
    last_at: datetime


class DamagedFile(Exception):
    """What lies in the object store is no file of the log, or nothing lies there.

    place: of the file among those that were asked for.
    """

    def __init__(self, place: int = 0, *, there: bool = True) -> None:
        super().__init__(place)
        self.place = place
        self.there = there


def object_name(team: str, model_name: str, day: date, name: str) -> str:
    return f"predictions/{quote(team, safe='')}/{quote(model_name, safe='')}/{day.isoformat()}/{name}.parquet"


def check_policy(sample_bps: int, names: Sequence[str], days: int) -> None:
    """Raises InvalidArgument naming the field."""
    if not 0 <= sample_bps <= WHOLE:
        raise invalid("sample_bps", f"must be 0 to {WHOLE}")
    if len(names) > MAX_MASKED:
        raise invalid("masked", f"must be at most {MAX_MASKED} names")
    for place, name in enumerate(names):
        if not 1 <= len(name.encode()) <= 256 or "\0" in name:  # noqa: PLR2004 -- bytes
            raise invalid(f"masked[{place}]", "must be 1 to 256 bytes")
    if not 1 <= days <= MAX_DAYS:
        raise invalid("retention_days", f"must be 1 to {MAX_DAYS}")


def answered_within(request_id: str) -> tuple[datetime, datetime] | None:
    """When a request with this id was answered; None where the id does not tell.

    An id of a command has the day of its first sight, any other one the moment (ADR 0109).
    """
    try:
        millis = UUID(request_id.partition("/")[0]).int >> 80
        moment = datetime.fromtimestamp(millis / 1_000, UTC)
        if moment == moment.replace(hour=0, minute=0, second=0, microsecond=0):
            return moment, moment + 2 * _DAY
        return moment - _LONGEST_CALL, moment + _LONGEST_CALL
    except (ValueError, OverflowError, OSError):
        # Whoever erases or asks names any id: one of the last day of all times too.
        return None
