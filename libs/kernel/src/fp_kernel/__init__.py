"""Values that every part of the platform shares: errors, identities, ids, times, pages, commands, tensors.

Standard library only; nothing here does I/O, so that any domain may import it. Only `loading` knows asyncio.

- `errors`: one error type with a closed set of kinds; it crosses the wire both ways (see `fp_rpc.errors`).
- `identity`: who calls, for which team, with which scopes.
- `ids`: UUIDv7 text ids that sort by their time of creation.
- `clock`: time as a port, so that tests pass it in.
- `pages`: keyset pages with opaque tokens bound to a team and a filter.
- `commands`: the identity of a command that may be sent twice.
- `revisions`: what a change expects of the object that it changes.
- `budget`: how many retries the load allows.
- `backoff`: how long to wait between tries.
- `bucket`: how fast somebody may ask; imported by its own name.
- `loading`: values that are loaded once for all who wait, and served while they are renewed.
- `times`: points in time as messages write them.
- `audit`: records of who did what and who was refused.
- `sampling`, `masking`: which predictions a log takes, and what of them.
- `trust`: whether a store proved who it is; imported by its own name.
- `texts`: which texts of people are accepted.
- `tensors`, `signatures`, `packing`, `features`: what models take and give, whether a request has it, values as JSON
  and as bytes, and the names of features (ADR 0093 says why here).
- `ensembles`, `warm_ups`: versions made of versions, and samples that a version is tried with.

These six, `texts`, `sampling` and `masking` are imported by their own names.
"""

from fp_kernel.backoff import Backoff
from fp_kernel.budget import RetryBudget
from fp_kernel.clock import Clock, SystemClock
from fp_kernel.commands import NO_COMMAND, Command, Replayed
from fp_kernel.conversion import off_loop
from fp_kernel.errors import (
    Aborted,
    AlreadyExists,
    Cancelled,
    DeadlineExceeded,
    Error,
    FailedPrecondition,
    FieldViolation,
    Internal,
    InvalidArgument,
    Kind,
    NotFound,
    OutOfRange,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
    Unimplemented,
    invalid,
)
from fp_kernel.identity import Principal
from fp_kernel.ids import is_id, new_id, parse_id
from fp_kernel.loading import Loaded, LoadingCache
from fp_kernel.pages import Page, PageRequest, next_token, page_by_id, page_request, page_request_by_id

__all__ = [
    "NO_COMMAND",
    "Aborted",
    "AlreadyExists",
    "Backoff",
    "Cancelled",
    "Clock",
    "Command",
    "DeadlineExceeded",
    "Error",
    "FailedPrecondition",
    "FieldViolation",
    "Internal",
    "InvalidArgument",
    "Kind",
    "Loaded",
    "LoadingCache",
    "NotFound",
    "OutOfRange",
    "Page",
    "PageRequest",
    "PermissionDenied",
    "Principal",
    "Replayed",
    "ResourceExhausted",
    "RetryBudget",
    "SystemClock",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "invalid",
    "is_id",
    "new_id",
    "next_token",
    "off_loop",
    "page_by_id",
    "page_request",
    "page_request_by_id",
    "parse_id",
]
