"""Labels of predictions, from a file to the monitor."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from forgepoint.monitor.v1 import monitor_pb2 as pb
from forgepoint.monitor.v1 import monitor_pb2_grpc
from fp_kernel import invalid

from fp_cli import batches, csv_files, health
from fp_cli.client import Client
from fp_cli.moments import moment

COLUMNS: Final = ("request_id", "actual_label", "observed_at")
_PAUSE_SECONDS: Final = 0.5


@dataclass(slots=True)
class Label:
    """place: where it stands in its file."""

    truth: pb.GroundTruthLabel
    place: str


@dataclass(slots=True)
class Outcome:
    """repeated: had a label before. unmatched: their predictions are not known."""

    accepted: int = 0
    repeated: int = 0
    unmatched: list[Label] = field(default_factory=list)


def read(text: str) -> list[Label]:
    """Raises InvalidArgument naming the line and column."""
    header, lines = csv_files.read(text)
    for name in COLUMNS[:2]:
        if name not in header:
            raise invalid("file", f"needs a column {name!r}")
    labels = []
    for where, cells in lines:
        truth = pb.GroundTruthLabel(request_id=cells["request_id"], actual_label=cells["actual_label"])
        if cells.get("observed_at"):
            truth.observed_at.FromDatetime(moment(cells["observed_at"], f"file: {where}, column observed_at"))
        labels.append(Label(truth, where))
    if not labels:
        raise invalid("file", "has no rows")
    return labels


def submit(client: Client, model: str, labels: Sequence[Label], key: str, *, patience: float) -> Outcome:
    """patience: seconds for which unmatched labels are sent again.

    Raises InvalidArgument naming a line, NotFound when the model has no monitor.
    """
    outcome = _sent(client, model, labels, key)
    until = time.monotonic() + patience
    attempt = 0
    while outcome.unmatched and time.monotonic() < until:
        time.sleep(min(_PAUSE_SECONDS, max(until - time.monotonic(), 0)))
        attempt += 1
        # The answer of a key stays what it was.
        again = _sent(client, model, outcome.unmatched, f"{key}/again/{attempt}")
        again.accepted += outcome.accepted
        again.repeated += outcome.repeated
        outcome = again
    return outcome


def _sent(client: Client, model: str, labels: Sequence[Label], key: str) -> Outcome:
    stub = monitor_pb2_grpc.MonitorServiceStub(client.channel)
    outcome = Outcome()
    for start, part in batches.parts([label.truth for label in labels]):
        own = labels[start : start + len(part)]
        request = pb.SubmitGroundTruthRequest(
            model_name=model, labels=part, idempotency_key=f"{key}/{start}" if start else key
        )
        with batches.placing(start, [label.place for label in own], key), health.advised():
            response = client.call(stub.SubmitGroundTruth, request)
        missing = set(response.unmatched_request_ids)
        outcome.accepted += response.accepted
        outcome.repeated += len(response.repeated_request_ids)
        outcome.unmatched += [label for label in own if label.truth.request_id in missing]
    return outcome


def write(labels: Sequence[Label], file: Path) -> None:
    """In the form of `read`."""
    with csv_files.writing(file) as content:
        csv_files.line(content, COLUMNS)
        for label in labels:
            truth = label.truth
            observed = truth.observed_at.ToJsonString() if truth.HasField("observed_at") else ""
            csv_files.line(content, (truth.request_id, truth.actual_label, observed))
