"""The registry of metric names: the shared ones, and the rules for those that services add.

A name is `fp_<noun>_<what>[_<unit>]` in snake case. Counters end in `_total`; anything measured ends in its unit.
A label has a small, fixed set of values: never an id, an address, a text of people, or a team. Those of `arm`,
`version` and `model` are people's names: whoever counts by them bounds the number of series, and ends those of what is
over.
"""

import re
from typing import Final

GRPC_REQUESTS: Final = "grpc_requests_total"
GRPC_DURATION: Final = "grpc_duration_seconds"
GRPC_IN_FLIGHT: Final = "grpc_in_flight"
GRPC_CLIENT_REQUESTS: Final = "grpc_client_requests_total"
GRPC_CLIENT_DURATION: Final = "grpc_client_duration_seconds"
GRPC_PASSED_IN_FLIGHT: Final = "grpc_passed_in_flight"
GRPC_PASSED_BYTES: Final = "grpc_passed_bytes"
GRPC_LIMITED: Final = "grpc_limited_requests_total"
GRPC_REPEATED: Final = "grpc_repeated_requests_total"
HTTP_REQUESTS: Final = "http_requests_total"
HTTP_DURATION: Final = "http_duration_seconds"
HTTP_IN_FLIGHT: Final = "http_in_flight"
AUDIT_RECORDS: Final = "audit_records_total"
EVENT_LOOP_LAG: Final = "event_loop_lag_seconds"
EVENTS_PUBLISHED: Final = "events_published_total"
EVENTS_CONSUMED: Final = "events_consumed_total"
EVENTS_DEAD: Final = "events_dead_total"
EVENTS_HANDLING: Final = "events_handling_seconds"
EVENTS_LAG: Final = "events_lag"
EVENTS_MISSED: Final = "events_missed_total"
OUTBOX_PENDING: Final = "outbox_pending"
OUTBOX_HELD: Final = "outbox_held"
OUTBOX_AGE: Final = "outbox_oldest_age_seconds"
TABLE_ROWS: Final = "table_rows"
TABLE_BYTES: Final = "table_bytes"
SPOOL_BYTES: Final = "spool_bytes"
TASK_RESTARTS: Final = "task_restarts_total"
DEPENDENCY_UP: Final = "dependency_up"
CERTIFICATE_END: Final = "certificate_end_timestamp_seconds"

LABELS: Final = frozenset(
    {
        "arm", "code", "consumer", "dependency", "direction", "kind", "level", "method", "model", "outcome", "peer",
        "reason", "result", "route", "stage", "state", "status", "step", "stream", "subject", "table", "task", "type",
        "version", "view",
    }
)  # fmt: skip

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_UNITS: Final = ("_seconds", "_bytes", "_rows", "_items", "_ratio", "_bps", "_micros")


def check(kind: str, name: str, labels: tuple[str, ...]) -> None:
    """Raises ValueError when a metric's name or labels break the rules of this page."""
    if not _NAME.fullmatch(name) or name.startswith("fp_"):
        raise ValueError(f"metric name {name!r} must be snake case without the prefix")
    if (kind == "counter") != name.endswith("_total"):
        raise ValueError(f"metric name {name!r}: counters, and only they, end in _total")
    if kind == "histogram" and not name.endswith(_UNITS):
        raise ValueError(f"metric name {name!r}: a histogram ends in its unit, one of {', '.join(_UNITS)}")
    if unknown := sorted(set(labels) - LABELS):
        raise ValueError(f"metric {name!r}: labels {', '.join(unknown)} are not in fp_telemetry.names.LABELS")
