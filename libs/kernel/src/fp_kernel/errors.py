"""One error type for every layer; its kinds are those of gRPC, so that nothing is lost at the edge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """The closed set of what can go wrong; each maps to one gRPC status and one HTTP status."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    NOT_FOUND = "NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    CANCELLED = "CANCELLED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One bad field of a request.

    field: dotted path as in the proto, for example `steps[2].depends_on`.
    description: what is wrong and what would be right, for people.
    """

    field: str
    description: str


class Error(Exception):
    """What a caller may know about a failure.

    message: for people; never holds secrets, SQL, addresses or the text of an unknown exception.
    reason: for programs, UPPER_SNAKE_CASE, stable; default is the kind.
    fields: the bad fields, for INVALID_ARGUMENT.
    retry_after: seconds to wait before a retry can help; None when a retry cannot.
    metadata: small facts for programs, such as the name of the quota.
    """

    kind: ClassVar[Kind] = Kind.INTERNAL

    def __init__(
        self,
        message: str,
        *,
        reason: str = "",
        fields: Sequence[FieldViolation] = (),
        retry_after: float | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.kind.value
        self.fields = tuple(fields)
        self.retry_after = retry_after
        self.metadata = dict(metadata or {})


class InvalidArgument(Error):
    """The request is wrong, whatever the state is."""

    kind = Kind.INVALID_ARGUMENT


class Unauthenticated(Error):
    """The credential is missing or invalid."""

    kind = Kind.UNAUTHENTICATED


class PermissionDenied(Error):
    """The caller is known and may not do this."""

    kind = Kind.PERMISSION_DENIED


class NotFound(Error):
    """No such thing, or one of another team."""

    kind = Kind.NOT_FOUND


class AlreadyExists(Error):
    """The name is taken."""

    kind = Kind.ALREADY_EXISTS


class FailedPrecondition(Error):
    """The state must change first; a repetition alone does not help."""

    kind = Kind.FAILED_PRECONDITION


class OutOfRange(Error):
    """A position lies past the end."""

    kind = Kind.OUT_OF_RANGE


class Aborted(Error):
    """A concurrent change came first; the whole step may be repeated."""

    kind = Kind.ABORTED


class ResourceExhausted(Error):
    """A limit is reached."""

    kind = Kind.RESOURCE_EXHAUSTED


class Unavailable(Error):
    """A dependency is away; a repetition may help."""

    kind = Kind.UNAVAILABLE


class DeadlineExceeded(Error):
    """The caller's time is over."""

    kind = Kind.DEADLINE_EXCEEDED


class Cancelled(Error):
    """The caller went away."""

    kind = Kind.CANCELLED


class Unimplemented(Error):
    """The method is not built."""

    kind = Kind.UNIMPLEMENTED


class Internal(Error):
    """An unexpected failure."""

    kind = Kind.INTERNAL


BY_KIND: Mapping[Kind, type[Error]] = {
    cls.kind: cls
    for cls in (
        InvalidArgument,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        OutOfRange,
        Aborted,
        ResourceExhausted,
        Unavailable,
        DeadlineExceeded,
        Cancelled,
        Unimplemented,
        Internal,
    )
}


def invalid(field: str, description: str) -> InvalidArgument:
    """The error for one bad field; its message names the field."""
    return InvalidArgument(f"{field}: {description}", fields=(FieldViolation(field, description),))
