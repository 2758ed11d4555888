"""MonitorService over gRPC: messages in, use-case, messages out. ListEvalScores is not built."""

from collections.abc import AsyncIterator

from forgepoint.monitor.v1 import monitor_pb2 as pb
from forgepoint.monitor.v1 import monitor_pb2_grpc
from fp_kernel import Clock, parse_id
from fp_rpc import caller, command, expected_revision
from fp_rpc.times import from_timestamp

from fp_monitor.api import convert
from fp_monitor.app.configure_monitor import ConfigureMonitor
from fp_monitor.app.delete_monitor import DeleteMonitor
from fp_monitor.app.ports import ReportFilter
from fp_monitor.app.queries import Queries
from fp_monitor.app.reset_baseline import ResetBaseline
from fp_monitor.app.stream_reports import StreamReports
from fp_monitor.app.submit_truth import SubmitTruth
from fp_monitor.domain.monitor import check_name


class MonitorServicer(monitor_pb2_grpc.MonitorServiceServicer):
    def __init__(
        self,
        *,
        configure_monitor: ConfigureMonitor,
        delete_monitor: DeleteMonitor,
        reset_baseline: ResetBaseline,
        submit_truth: SubmitTruth,
        stream_reports: StreamReports,
        queries: Queries,
        clock: Clock,
    ) -> None:
        self._configure_monitor = configure_monitor
        self._delete_monitor = delete_monitor
        self._reset_baseline = reset_baseline
        self._submit_truth = submit_truth
        self._stream_reports = stream_reports
        self._queries = queries
        self._clock = clock

    async def ConfigureMonitor(
        self, request: pb.ConfigureMonitorRequest, context: object
    ) -> pb.ConfigureMonitorResponse:
        config = convert.config_from_pb(request)
        asked = command(request, convert.configured_to_pb)
        expected, by = expected_revision(request), caller().user_id
        configured = await self._configure_monitor(caller().team, config, asked, by=by, expected=expected)
        return convert.configured_to_pb(configured)

    async def DeleteMonitor(self, request: pb.DeleteMonitorRequest, context: object) -> pb.DeleteMonitorResponse:
        name = check_name(request.model_name)
        asked, expected = command(request, convert.deleted_to_pb), expected_revision(request)
        purged = await self._delete_monitor(
            caller().team, name, purge=request.purge_reports, command=asked, expected=expected
        )
        return convert.deleted_to_pb(purged)

    async def ResetBaseline(self, request: pb.ResetBaselineRequest, context: object) -> pb.ResetBaselineResponse:
        name = check_name(request.model_name)
        asked = command(request, convert.reset_to_pb)
        return convert.reset_to_pb(await self._reset_baseline(caller().team, name, request.baseline_version, asked))

    async def GetModelHealth(self, request: pb.GetModelHealthRequest, context: object) -> pb.GetModelHealthResponse:
        overview = await self._queries.monitor(caller().team, check_name(request.model_name))
        return pb.GetModelHealthResponse(health=convert.health_to_pb(overview, self._clock.now()))

    async def GetMonitorStatus(
        self, request: pb.GetMonitorStatusRequest, context: object
    ) -> pb.GetMonitorStatusResponse:
        overview = await self._queries.monitor(caller().team, check_name(request.model_name))
        gaps = await self._queries.gaps(overview.monitor.created_at)
        return pb.GetMonitorStatusResponse(status=convert.status_to_pb(overview, gaps))

    async def ListMonitors(self, request: pb.ListMonitorsRequest, context: object) -> pb.ListMonitorsResponse:
        severity = convert.severity_from_pb(request.min_severity, "min_severity")
        state = convert.state_from_pb(request.state, "state")
        size, token = request.pagination.page_size, request.pagination.page_token
        found = await self._queries.monitors(caller().team, severity, state, size, token)
        return convert.monitors_to_pb(found, self._clock.now())

    async def GetDriftReport(self, request: pb.GetDriftReportRequest, context: object) -> pb.GetDriftReportResponse:
        report = await self._queries.report(caller().team, parse_id(request.report_id, "report_id"))
        return pb.GetDriftReportResponse(report=convert.report_to_pb(report))

    async def ListDriftReports(
        self, request: pb.ListDriftReportsRequest, context: object
    ) -> pb.ListDriftReportsResponse:
        chosen = ReportFilter(
            team=caller().team,
            model_name=_optional(request.model_name),
            min_severity=convert.severity_from_pb(request.min_severity, "min_severity"),
            since=from_timestamp(request.since, "since") if request.HasField("since") else None,
            until=from_timestamp(request.until, "until") if request.HasField("until") else None,
        )
        size, token = request.pagination.page_size, request.pagination.page_token
        return convert.reports_to_pb(await self._queries.reports(chosen, size, token))

    async def SubmitGroundTruth(
        self, request: pb.SubmitGroundTruthRequest, context: object
    ) -> pb.SubmitGroundTruthResponse:
        name = check_name(request.model_name)
        truths = convert.truths_from_pb(request, self._clock.now())
        asked = command(request, convert.submitted_to_pb)
        return convert.submitted_to_pb(await self._submit_truth(caller().team, name, truths, asked))

    async def StreamDriftEvents(
        self, request: pb.StreamDriftEventsRequest, context: object
    ) -> AsyncIterator[pb.StreamDriftEventsResponse]:
        severity = convert.severity_from_pb(request.min_severity, "min_severity")
        chosen = ReportFilter(caller().team, _optional(request.model_name), severity)
        async for report in self._stream_reports(chosen):
            yield pb.StreamDriftEventsResponse(report=convert.report_to_pb(report))


def _optional(model_name: str) -> str:
    return check_name(model_name) if model_name else ""
