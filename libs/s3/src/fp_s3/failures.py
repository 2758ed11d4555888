"""Errors of the object store as errors of the kernel."""

from typing import Final

from fp_kernel import Aborted, Error, NotFound, Unavailable
from fp_kernel.trust import distrust
from fp_telemetry import get_logger
from minio.error import S3Error

_MISSING: Final = frozenset({"NoSuchKey", "NoSuchObject", "NotFound"})
_CHANGED: Final = frozenset({"PreconditionFailed"})
_RETRY_AFTER: Final = 1.0  # seconds

_log = get_logger(__name__)


class ObjectChanged(Aborted):
    """The object is not the one whose etag was given: it was written again since."""


def failure_of(error: Exception) -> Error:
    """NotFound, ObjectChanged, Untrusted, or Unavailable for everything else.

    What the store refuses otherwise, such as this service's key, is for the operator to mend and may succeed
    afterwards: as a failed precondition it would be the caller's fault and, in a background job, final.
    """
    if isinstance(error, S3Error):
        if error.code in _MISSING:
            return NotFound("no such object", reason="OBJECT_NOT_FOUND")
        if error.code in _CHANGED:
            return ObjectChanged("the object was written again", reason="OBJECT_CHANGED")
        _log.warning("object store refused", code=error.code)
        return Unavailable(f"the object store refused: {error.code}", retry_after=_RETRY_AFTER)
    if found := distrust("the object store", error):
        _log.error("object store is not trusted", reason=found.reason)
        return found
    _log.warning("object store does not answer", reason=type(error).__name__)
    return Unavailable("the object store does not answer", retry_after=_RETRY_AFTER)
