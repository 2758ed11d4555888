"""Policies of the prediction log."""

from collections.abc import Iterator
from typing import Any

from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from fp_kernel import NotFound
from fp_kernel.sampling import WHOLE
from google.protobuf.message import Message

from fp_cli import prediction_logs
from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import ABSENT, Kind, Present, Spec


class PredictionLog(Kind):
    """Its name is the model's. It takes every prediction unless it says otherwise. Deleted, all that it took goes."""

    name = "PredictionLog"
    message = pb.SetPredictionLogRequest
    name_field = "model_name"
    kept = ("retention_days",)

    def find(self, client: Client, name: str) -> Present | None:
        request = pb.GetPredictionLogRequest(model_name=name)
        try:
            found = client.call(prediction_logs.stub(client).GetPredictionLog, request).log
        except NotFound:
            return None
        return Present(self._of(found), found.revision)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        stub = prediction_logs.stub(client)
        for each in client.pages(stub.ListPredictionLogs, pb.ListPredictionLogsRequest(), "logs", EVERYTHING):
            yield each.model_name, self._of(each)

    def create(self, client: Client, name: str, spec: Spec) -> None:
        self.change(client, name, spec, ABSENT)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        request = self.request(name, spec)
        request.expected_revision = present.revision
        request.idempotency_key = idempotency_key("")
        client.call(prediction_logs.stub(client).SetPredictionLog, request)

    def delete(self, client: Client, name: str, present: Present) -> None:
        request = pb.DeletePredictionLogRequest(
            model_name=name, idempotency_key=idempotency_key(""), expected_revision=present.revision
        )
        client.call(prediction_logs.stub(client).DeletePredictionLog, request)

    def defaulted(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"sample_bps": WHOLE, **given}

    def of(self, message: Message) -> Spec:
        """A log that takes nothing more says so. The order of what is masked means nothing."""
        found = {"sample_bps": 0, **super().of(message)}
        return found | {"masked": sorted(set(found["masked"]))} if "masked" in found else found

    def _of(self, log: pb.PredictionLog) -> Spec:
        return self.of(
            pb.SetPredictionLogRequest(sample_bps=log.sample_bps, masked=log.masked, retention_days=log.retention_days)
        )
