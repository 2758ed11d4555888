"""Monitors."""

from collections.abc import Iterator
from typing import Any, ClassVar

from forgepoint.monitor.v1 import monitor_pb2 as pb
from forgepoint.monitor.v1 import monitor_pb2_grpc
from fp_kernel import NotFound
from google.protobuf.message import Message

from fp_cli import health, names
from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.kind import ABSENT, Kind, Present, Spec


class Monitor(Kind):
    """Its name is the model's. `retrain_pipeline` is the name of a pipeline. It is enabled unless it says otherwise."""

    name = "Monitor"
    message = pb.ConfigureMonitorRequest
    name_field = "model_name"
    references: ClassVar = {"retrain_pipeline": "retrain_pipeline_id"}
    kept = ("retrain_cooldown",)

    def find(self, client: Client, name: str) -> Present | None:
        try:
            status = client.call(_stub(client).GetMonitorStatus, pb.GetMonitorStatusRequest(model_name=name)).status
        except NotFound:
            return None
        return Present(self._of(client, status.monitor), status.monitor.revision)

    def all(self, client: Client) -> Iterator[tuple[str, Spec]]:
        listed = client.pages(_stub(client).ListMonitors, pb.ListMonitorsRequest(), "entries", EVERYTHING)
        for entry in listed:
            yield entry.monitor.model_name, self._of(client, entry.monitor)

    def create(self, client: Client, name: str, spec: Spec) -> None:
        self.change(client, name, spec, ABSENT)

    def change(self, client: Client, name: str, spec: Spec, present: Present) -> None:
        request = self.request(name, spec)
        request.expected_revision = present.revision
        if pipeline := spec.get("retrain_pipeline"):
            request.retrain_pipeline_id = names.pipeline_named(client, pipeline).id
        health.configure(client, request)

    def request(self, name: str, spec: Spec) -> Any:
        return super().request(name, {"enabled": True, **spec})

    def delete(self, client: Client, name: str, present: Present) -> None:
        request = pb.DeleteMonitorRequest(
            model_name=name, idempotency_key=idempotency_key(""), expected_revision=present.revision
        )
        client.call(_stub(client).DeleteMonitor, request)

    def merged(self, before: Spec, wanted: Spec) -> Spec:
        """The platform has thresholds of its own for each type of drift of which nothing is said."""
        said = list(wanted.get("thresholds", ()))
        types = {each.get("drift_type") for each in said}
        left = [each for each in before.get("thresholds", ()) if each.get("drift_type") not in types]
        return super().merged(before, {**wanted, "thresholds": sorted([*said, *left], key=_place)})

    def equal(self, before: Spec, wanted: Spec) -> bool:
        both = ({**each, "thresholds": sorted(each.get("thresholds", ()), key=_place)} for each in (before, wanted))
        return super().equal(*both)

    def defaulted(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"enabled": True, **given}

    def of(self, message: Message) -> Spec:
        """`enabled: false` is what a file says of one that is paused."""
        found = dict(super().of(message))
        return found if found.pop("enabled", False) else {**found, "enabled": False}

    def _of(self, client: Client, monitor: pb.Monitor) -> Spec:
        request = health.configuration(monitor)
        request.enabled = monitor.state != pb.MONITOR_STATE_PAUSED
        request.retrain_pipeline_id = names.of_pipeline(client, monitor.retrain_pipeline_id)
        return self.of(request)


def _place(threshold: Spec) -> tuple[int, str]:
    """The order of the types of drift."""
    names = list(pb.DriftType.DESCRIPTOR.values_by_name)
    return names.index(f"DRIFT_TYPE_{threshold.get('drift_type', 'UNSPECIFIED')}"), str(threshold.get("method", ""))


def _stub(client: Client) -> Any:
    return monitor_pb2_grpc.MonitorServiceStub(client.channel)
