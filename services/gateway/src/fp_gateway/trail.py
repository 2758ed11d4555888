"""The trail of a prediction: what its answer came from and what came of it, from the services that know."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
from forgepoint.auth.v1 import audit_pb2, audit_pb2_grpc
from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc
from forgepoint.experiment.v1 import experiment_pb2, experiment_pb2_grpc
from forgepoint.monitor.v1 import monitor_pb2, monitor_pb2_grpc, prediction_log_pb2, prediction_log_pb2_grpc
from forgepoint.platform.v1 import platform_pb2 as pb
from forgepoint.registry.v1 import registry_pb2, registry_pb2_grpc
from fp_kernel import Error, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied, Unavailable, invalid

PASSING: Final[frozenset[type[Error]]] = frozenset({NotFound, PermissionDenied, InvalidArgument, FailedPrecondition})
"""Errors of the services that are the caller's own."""
_PAGE: Final = 100
# Of models with a log, reports behind an answer, and invoices: a trail is an answer, not a search.
_PAGES: Final = 10
_AT_A_TIME: Final = 8
_AUDIT_ENTRIES: Final = 20
_LONGEST_WINDOW: Final = timedelta(days=35)
_LONGEST_ID: Final = 300
_DAY: Final = timedelta(days=1)
_METER: Final = billing_pb2.METER_TYPE_INFERENCE_REQUEST
_LATER: Final = frozenset({experiment_pb2.LINEAGE_KIND_DEPLOYMENT})


class PredictionTrails:
    """Everything is read with the credential of who asks: what he may not see is missing, and said to be."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        """channels: to services, by noun; a platform may run without some."""
        self._channels = channels

    @property
    def _log(self) -> Any:
        return prediction_log_pb2_grpc.PredictionLogServiceStub(self._to("monitor"))

    @property
    def _monitor(self) -> Any:
        return monitor_pb2_grpc.MonitorServiceStub(self._to("monitor"))

    @property
    def _registry(self) -> Any:
        return registry_pb2_grpc.RegistryServiceStub(self._to("registry"))

    @property
    def _experiment(self) -> Any:
        return experiment_pb2_grpc.ExperimentTrackerServiceStub(self._to("experiment"))

    @property
    def _audit(self) -> Any:
        return audit_pb2_grpc.AuditServiceStub(self._to("auth"))

    @property
    def _billing(self) -> Any:
        return billing_pb2_grpc.BillingServiceStub(self._to("billing"))

    def _to(self, noun: str) -> grpc.aio.Channel:
        """Raises Unavailable."""
        channel = self._channels.get(noun)
        if channel is None:
            raise Unavailable(f"the platform runs without {noun}")
        return channel

    async def __call__(self, request_id: str, model_name: str) -> pb.PredictionTrail:
        """Raises NotFound when the prediction is in no log, and what its services raise when they are away."""
        if not 1 <= len(request_id) <= _LONGEST_ID:
            raise invalid("request_id", f"must be 1 to {_LONGEST_ID} characters")
        trail = pb.PredictionTrail(prediction=await self._prediction(request_id, model_name))
        # One task each: a part that is missing keeps no other one.
        await asyncio.gather(
            self._made(trail),
            self._part(trail, "trace_id", self._trace),
            self._part(trail, "origins", self._origins),
            self._part(trail, "reports", self._reports),
            self._part(trail, "usage", self._usage),
            self._part(trail, "invoice_line", self._invoice),
        )
        return trail

    async def _made(self, trail: pb.PredictionTrail) -> None:
        await self._part(trail, "version", self._version)
        await asyncio.gather(
            self._part(trail, "run", self._run), self._part(trail, "audit_entries", self._audit_entries)
        )

    async def _part(
        self, trail: pb.PredictionTrail, name: str, add: Callable[[pb.PredictionTrail], Awaitable[None]]
    ) -> None:
        try:
            await add(trail)
        except Error as error:
            trail.missing.add(part=name, reason=error.message)

    async def _trace(self, trail: pb.PredictionTrail) -> None:
        if not trail.prediction.prediction.trace_id:
            raise NotFound("the call had none, or was logged by a release before")

    async def _prediction(self, request_id: str, model_name: str) -> prediction_log_pb2.PredictionRecord:
        if model_name:
            return await self._logged(model_name, request_id)
        async for names in self._logs():
            found = await asyncio.gather(*(self._logged_or_none(each, request_id) for each in names))
            if record := next((each for each in found if each is not None), None):
                return record
        raise NotFound(f"no model of the team has a logged prediction {request_id[:_LONGEST_ID]}")

    async def _logs(self) -> AsyncIterator[list[str]]:
        """Names of models with a log, some at a time."""
        request = prediction_log_pb2.ListPredictionLogsRequest()
        async for logs in _pages(self._log.ListPredictionLogs, request, "logs"):
            names = [each.model_name for each in logs]
            for start in range(0, len(names), _AT_A_TIME):
                yield names[start : start + _AT_A_TIME]

    async def _logged(self, model_name: str, request_id: str) -> prediction_log_pb2.PredictionRecord:
        request = prediction_log_pb2.GetPredictionRequest(model_name=model_name, request_id=request_id)
        found: prediction_log_pb2.PredictionRecord = (await self._log.GetPrediction(request)).prediction
        return found

    async def _logged_or_none(self, model_name: str, request_id: str) -> prediction_log_pb2.PredictionRecord | None:
        try:
            return await self._logged(model_name, request_id)
        except NotFound:
            return None

    async def _version(self, trail: pb.PredictionTrail) -> None:
        record = trail.prediction
        request = registry_pb2.GetVersionRequest(model_id=record.model_id, version=record.version)
        trail.version.CopyFrom((await self._registry.GetVersion(request)).version)
        # Megabytes of what it was trained on; `fp models` shows it.
        trail.version.ClearField("baseline_profile")

    async def _run(self, trail: pb.PredictionTrail) -> None:
        if not trail.version.run_id:
            raise NotFound("the version does not say which run made it")
        request = experiment_pb2.GetRunRequest(id=trail.version.run_id)
        trail.run.CopyFrom((await self._experiment.GetRun(request)).run)

    async def _origins(self, trail: pb.PredictionTrail) -> None:
        record = trail.prediction
        request = experiment_pb2.GetLineageRequest(model_name=record.model_name, version=record.version)
        found = await self._experiment.GetLineage(request)
        before = _ancestors(found, (experiment_pb2.LINEAGE_KIND_VERSION, f"{record.model_name}@{record.version}"))
        trail.origins.extend(node for node in found.nodes if (node.kind, node.id) in before)

    async def _reports(self, trail: pb.PredictionTrail) -> None:
        record, at = trail.prediction, _answered(trail)
        request = monitor_pb2.ListDriftReportsRequest(model_name=record.model_name)
        request.since.FromDatetime(at)
        request.until.FromDatetime(at + _LONGEST_WINDOW)
        async for reports in _pages(self._monitor.ListDriftReports, request, "reports"):
            trail.reports.extend(
                each
                for each in reports
                if each.model_version == record.version and each.window_start.ToDatetime(UTC) <= at
            )

    async def _audit_entries(self, trail: pb.PredictionTrail) -> None:
        if not trail.version.id:
            raise NotFound("the version is not known")
        request = audit_pb2.ListAuditEntriesRequest(resource_id=trail.version.id)
        request.pagination.page_size = _AUDIT_ENTRIES
        trail.audit_entries.extend((await self._audit.ListAuditEntries(request)).entries)

    async def _usage(self, trail: pb.PredictionTrail) -> None:
        day = _answered(trail).replace(hour=0, minute=0, second=0, microsecond=0)
        request = billing_pb2.GetUsageRequest(meter_type_filter=_METER)
        request.period_start.FromDatetime(day)
        request.period_end.FromDatetime(day + _DAY)
        for summary in (await self._billing.GetUsage(request)).summaries:
            for meter in summary.by_meter.values():
                if meter.meter_type == _METER:
                    trail.usage.CopyFrom(meter)
                    return
        raise NotFound("nothing of that day was metered yet")

    async def _invoice(self, trail: pb.PredictionTrail) -> None:
        at = _answered(trail)
        async for invoices in _pages(self._billing.ListInvoices, billing_pb2.ListInvoicesRequest(), "invoices"):
            for each in invoices:
                if each.period_start.ToDatetime(UTC) <= at < each.period_end.ToDatetime(UTC):
                    await self._line(trail, each.id)
                    return
        raise NotFound("the month has no invoice yet")

    async def _line(self, trail: pb.PredictionTrail, invoice_id: str) -> None:
        trail.invoice_id = invoice_id
        invoice = (await self._billing.GetInvoice(billing_pb2.GetInvoiceRequest(invoice_id=invoice_id))).invoice
        line = next((each for each in invoice.line_items if each.meter_type == _METER), None)
        if line is None:
            raise NotFound("the invoice has no line of requests")
        trail.invoice_line.CopyFrom(line)


async def _pages(call: Callable[[Any], Awaitable[Any]], request: Any, field: str) -> AsyncIterator[Any]:
    """Of a list, as many as a trail reads."""
    request.pagination.page_size = _PAGE
    for _ in range(_PAGES):
        answer = await call(request)
        yield getattr(answer, field)
        request.pagination.page_token = answer.pagination.next_page_token
        if not request.pagination.page_token:
            return


def _answered(trail: pb.PredictionTrail) -> datetime:
    return trail.prediction.prediction.answered_at.ToDatetime(UTC)


def _ancestors(found: experiment_pb2.GetLineageResponse, version: tuple[int, str]) -> set[tuple[int, str]]:
    """What led to the version, step by step; itself is not part of it."""
    into: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for edge in found.edges:
        into.setdefault((edge.to_kind, edge.to_id), []).append((edge.from_kind, edge.from_id))
    before: set[tuple[int, str]] = set()
    left = [version]
    while left:
        for each in into.get(left.pop(), ()):
            if each not in before and each[0] not in _LATER:
                before.add(each)
                left.append(each)
    return before - {version}
