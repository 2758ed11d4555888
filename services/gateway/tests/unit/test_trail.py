"""The trail of a prediction has what its caller may see, and says what it has not."""

from datetime import UTC, datetime, timedelta

import pytest
from forgepoint.auth.v1 import audit_pb2
from forgepoint.billing.v1 import billing_pb2
from forgepoint.experiment.v1 import experiment_pb2
from forgepoint.monitor.v1 import monitor_pb2, prediction_log_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_gateway.trail import PredictionTrails
from fp_kernel import InvalidArgument, NotFound, PermissionDenied, Unavailable

AT = datetime(2013, 3, 7, 12, tzinfo=UTC)
VERSION, DATA, RUN = (
    experiment_pb2.LINEAGE_KIND_VERSION,
    experiment_pb2.LINEAGE_KIND_DATA,
    experiment_pb2.LINEAGE_KIND_RUN,
)


class Services:
    """Answers by the name of the RPC; an error in the place of an answer is raised."""

    def __init__(self) -> None:
        self.asked = []
        version = registry_pb2.ModelVersion(id="v", model_id="m", version="3", run_id="run")
        version.baseline_profile.prediction.labels.append("late")
        lineage = experiment_pb2.GetLineageResponse()
        for kind, name in (
            (DATA, "flights"),
            (RUN, "run"),
            (VERSION, "delays@3"),
            (VERSION, "delays@4"),
            (DATA, "other"),
        ):
            lineage.nodes.add(kind=kind, id=name)
        for source, target in (((DATA, "flights"), (RUN, "run")), ((RUN, "run"), (VERSION, "delays@3"))):
            lineage.edges.add(from_kind=source[0], from_id=source[1], to_kind=target[0], to_id=target[1])
        lineage.edges.add(from_kind=VERSION, from_id="delays@3", to_kind=VERSION, to_id="delays@4")
        usage = billing_pb2.GetUsageResponse(summaries=[billing_pb2.UsageSummary()])
        meter = billing_pb2.MeterUsage(meter_type=billing_pb2.METER_TYPE_INFERENCE_REQUEST, total_quantity=900)
        usage.summaries[0].by_meter["METER_TYPE_INFERENCE_REQUEST"].CopyFrom(meter)
        line = billing_pb2.InvoiceLineItem(meter_type=billing_pb2.METER_TYPE_INFERENCE_REQUEST, quantity=27_000)
        self.answers = {
            "GetPrediction": prediction_log_pb2.GetPredictionResponse(prediction=record()),
            "ListPredictionLogs": prediction_log_pb2.ListPredictionLogsResponse(
                logs=[prediction_log_pb2.PredictionLog(model_name="delays")]
            ),
            "GetVersion": registry_pb2.GetVersionResponse(version=version),
            "GetRun": experiment_pb2.GetRunResponse(run=experiment_pb2.Run(id="run")),
            "GetLineage": lineage,
            "ListDriftReports": monitor_pb2.ListDriftReportsResponse(
                reports=[report("later", 1), report("with it", -1), report("other", -1, version="2")]
            ),
            "ListAuditEntries": audit_pb2.ListAuditEntriesResponse(entries=[audit_pb2.AuditEntry(actor_id="ann")]),
            "GetUsage": usage,
            "ListInvoices": billing_pb2.ListInvoicesResponse(invoices=[invoice("april", 31), invoice("march", 0)]),
            "GetInvoice": billing_pb2.GetInvoiceResponse(invoice=billing_pb2.Invoice(id="march", line_items=[line])),
        }

    def __getattr__(self, name):
        async def call(request):
            self.asked.append((name, type(request).FromString(request.SerializeToString())))
            answer = self.answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call


def record():
    found = prediction_log_pb2.PredictionRecord(model_name="delays", model_id="m", version="3", actual_label="late")
    found.prediction.request_id = "r"
    found.prediction.trace_id = "ab" * 16
    found.prediction.answered_at.FromDatetime(AT)
    return found


def report(name, hours, *, version="3"):
    found = monitor_pb2.DriftReport(id=name, model_version=version)
    found.window_start.FromDatetime(AT + timedelta(hours=hours))
    return found


def invoice(name, days):
    found = billing_pb2.Invoice(id=name)
    month = datetime(2013, 3, 1, tzinfo=UTC) + timedelta(days=days)
    found.period_start.FromDatetime(month)
    found.period_end.FromDatetime(month + timedelta(days=30))
    return found


@pytest.fixture
def services():
    return Services()


@pytest.fixture
def trails(services):
    class Trails(PredictionTrails):
        _log = _monitor = _registry = _experiment = _audit = _billing = services

    return Trails({})


async def test_it_goes_from_the_data_to_the_bill(services, trails):
    trail = await trails("r", "")
    assert trail.prediction.actual_label == "late"
    assert (trail.version.id, trail.version.HasField("baseline_profile")) == ("v", False)
    assert [(node.kind, node.id) for node in trail.origins] == [(DATA, "flights"), (RUN, "run")]
    assert trail.run.id == "run"
    assert [each.id for each in trail.reports] == ["with it"]
    assert [each.actor_id for each in trail.audit_entries] == ["ann"]
    assert trail.usage.total_quantity == 900
    assert (trail.invoice_id, trail.invoice_line.quantity) == ("march", 27_000)
    assert list(trail.missing) == []
    asked = dict(services.asked)
    assert asked["ListAuditEntries"].resource_id == "v"
    assert asked["GetUsage"].period_start.ToDatetime(UTC) == AT.replace(hour=0)
    assert asked["GetUsage"].period_end.ToDatetime(UTC) == AT.replace(hour=0) + timedelta(days=1)


async def test_what_the_caller_may_not_see_or_is_away_is_named_and_the_rest_is_there(services, trails):
    services.answers |= {
        "ListAuditEntries": PermissionDenied("needs audit:read"),
        "GetUsage": Unavailable("billing is away"),
        "ListInvoices": billing_pb2.ListInvoicesResponse(),
        "GetVersion": NotFound("no such version"),
    }
    trail = await trails("r", "delays")
    assert {each.part: each.reason for each in trail.missing} == {
        "version": "no such version",
        "run": "the version does not say which run made it",
        "audit_entries": "the version is not known",
        "usage": "billing is away",
        "invoice_line": "the month has no invoice yet",
    }
    assert trail.origins
    assert trail.reports


async def test_without_a_model_every_log_of_the_team_is_looked_in(services, trails):
    names = [f"model-{number}" for number in range(20)]
    services.answers["ListPredictionLogs"].logs.extend(
        prediction_log_pb2.PredictionLog(model_name=each) for each in names
    )
    services.answers["GetPrediction"] = NotFound("not in it")
    with pytest.raises(NotFound, match="no model of the team"):
        await trails("r", "")
    asked = [request.model_name for name, request in services.asked if name == "GetPrediction"]
    assert asked == ["delays", *names]
    with pytest.raises(InvalidArgument):
        await trails("", "")


async def test_a_service_that_the_platform_runs_without_is_missing():
    with pytest.raises(Unavailable, match="without monitor"):
        await PredictionTrails({})("r", "delays")


async def test_a_call_without_a_trace_is_said_to_have_none(services, trails):
    services.answers["GetPrediction"].prediction.prediction.trace_id = ""
    (missing,) = (await trails("r", "delays")).missing
    assert (missing.part, missing.reason) == ("trace_id", "the call had none, or was logged by a release before")
