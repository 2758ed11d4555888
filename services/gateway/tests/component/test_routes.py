"""The routes of `/api/v1` over services that remember what they were asked."""

import httpx
import pytest
import pytest_asyncio
from forgepoint.monitor.v1 import monitor_pb2
from fp_kernel import NotFound
from fp_testkit.http import NO_TLS
from google.protobuf import json_format

# Service, verb, path with query, body, status; the RPC and what it is asked.
CASES = [
    ("experiment", "GET", "/experiments?team=a", None, 200, "ListExperiments", {"teamFilter": "a"}),
    ("experiment", "POST", "/experiments", {"name": "e"}, 201, "CreateExperiment", {"name": "e"}),
    ("experiment", "GET", "/experiments/e1", None, 200, "GetExperiment", {"id": "e1"}),
    (
        "experiment",
        "GET",
        "/runs?experiment_id=e1&status=RUN_STATUS_FINISHED&page_size=5",
        None,
        200,
        "ListRuns",
        {"experimentId": "e1", "statusFilter": "RUN_STATUS_FINISHED", "pagination": {"pageSize": 5}},
    ),
    (
        "experiment",
        "GET",
        "/runs/r1/metrics?metric_keys=loss&metric_keys=auc&max_points=100&min_step=2",
        None,
        200,
        "GetMetricHistory",
        {"runId": "r1", "metricKeys": ["loss", "auc"], "maxPoints": 100, "minStep": "2"},
    ),
    ("experiment", "GET", "/compare?run_ids=r1&run_ids=r2", None, 200, "CompareRuns", {"runIds": ["r1", "r2"]}),
    (
        "experiment",
        "GET",
        "/lineage?model_name=m&version=3",
        None,
        200,
        "GetLineage",
        {"modelName": "m", "version": "3"},
    ),
    ("monitor", "GET", "/monitors", None, 200, "ListMonitors", {}),
    ("monitor", "POST", "/monitors", {"modelName": "m"}, 200, "ConfigureMonitor", {"modelName": "m"}),
    ("monitor", "GET", "/monitors/m", None, 200, "GetMonitorStatus", {"modelName": "m"}),
    (
        "monitor",
        "GET",
        "/drift-reports?model_name=m&since=2013-03-01T00:00:00Z&min_severity=DRIFT_SEVERITY_WARNING",
        None,
        200,
        "ListDriftReports",
        {"modelName": "m", "since": "2013-03-01T00:00:00Z", "minSeverity": "DRIFT_SEVERITY_WARNING"},
    ),
    ("monitor", "DELETE", "/monitors/m", None, 200, "DeleteMonitor", {"modelName": "m"}),
    (
        "monitor",
        "POST",
        "/monitors/m/reset-baseline",
        {"baselineVersion": "3"},
        200,
        "ResetBaseline",
        {"modelName": "m", "baselineVersion": "3"},
    ),
    ("monitor", "GET", "/drift-reports/d1", None, 200, "GetDriftReport", {"reportId": "d1"}),
    ("monitor", "GET", "/models/m/health", None, 200, "GetModelHealth", {"modelName": "m"}),
    (
        "monitor",
        "POST",
        "/models/m/ground-truth",
        {"modelName": "another", "labels": [{"requestId": "q", "actualLabel": "1"}]},
        200,
        "SubmitGroundTruth",
        {"modelName": "m", "labels": [{"requestId": "q", "actualLabel": "1"}]},
    ),
    ("prediction log", "GET", "/prediction-logs", None, 200, "ListPredictionLogs", {}),
    ("prediction log", "GET", "/prediction-logs/m", None, 200, "GetPredictionLog", {"modelName": "m"}),
    (
        "prediction log",
        "PUT",
        "/prediction-logs/m",
        {"sampleBps": 500, "masked": ["age"]},
        200,
        "SetPredictionLog",
        {"modelName": "m", "sampleBps": 500, "masked": ["age"]},
    ),
    ("prediction log", "DELETE", "/prediction-logs/m", None, 200, "DeletePredictionLog", {"modelName": "m"}),
    (
        "prediction log",
        "GET",
        "/prediction-logs/m/predictions?version=3",
        None,
        200,
        "ListPredictions",
        {"modelName": "m", "version": "3"},
    ),
    (
        "prediction log",
        "GET",
        "/prediction-logs/m/prediction?request_id=r/1",
        None,
        200,
        "GetPrediction",
        {"modelName": "m", "requestId": "r/1"},
    ),
    (
        "prediction log",
        "POST",
        "/prediction-logs/m/erase",
        {"requestIds": ["r"]},
        200,
        "ErasePredictions",
        {"modelName": "m", "requestIds": ["r"]},
    ),
    ("featurestore", "GET", "/feature-views?name=fl", None, 200, "ListFeatureViews", {"nameFilter": "fl"}),
    ("featurestore", "POST", "/feature-views", {"name": "v"}, 201, "DefineFeatureView", {"name": "v"}),
    ("featurestore", "GET", "/feature-views/v1", None, 200, "GetFeatureView", {"featureViewId": "v1"}),
    (
        "featurestore",
        "POST",
        "/feature-views/v1/features",
        {"features": [{"entityId": "a", "values": {"x": 1.5}}]},
        200,
        "WriteFeatures",
        {"featureViewId": "v1", "features": [{"entityId": "a", "values": {"x": 1.5}}]},
    ),
    (
        "featurestore",
        "GET",
        "/feature-views/v1/online?entity_ids=a&entity_ids=b&feature_names=x",
        None,
        200,
        "GetOnlineFeatures",
        {"featureViewId": "v1", "entityIds": ["a", "b"], "featureNames": ["x"]},
    ),
    (
        "featurestore",
        "POST",
        "/feature-views/v1/online",
        {"entityIds": ["a"]},
        200,
        "GetOnlineFeatures",
        {"featureViewId": "v1", "entityIds": ["a"]},
    ),
    (
        "billing",
        "GET",
        "/usage?team=alpha&granularity=USAGE_GRANULARITY_DAY",
        None,
        200,
        "GetUsage",
        {"team": "alpha", "granularity": "USAGE_GRANULARITY_DAY"},
    ),
    (
        "billing",
        "GET",
        "/quota?meter_type=METER_TYPE_INFERENCE_REQUEST",
        None,
        200,
        "CheckQuota",
        {"meterType": "METER_TYPE_INFERENCE_REQUEST"},
    ),
    ("billing", "GET", "/invoices", None, 200, "ListInvoices", {}),
    ("billing", "GET", "/invoices/i1", None, 200, "GetInvoice", {"invoiceId": "i1"}),
    (
        "billing",
        "POST",
        "/invoices/i1/void",
        {"reason": "r", "reissue": True},
        200,
        "VoidInvoice",
        {"invoiceId": "i1", "reason": "r", "reissue": True},
    ),
    ("billing", "GET", "/adjustments?team=beta", None, 200, "ListAdjustments", {"team": "beta"}),
    (
        "billing",
        "POST",
        "/adjustments",
        {"team": "beta", "amount": {"amountMicros": "-5", "currencyCode": "USD"}},
        201,
        "CreateAdjustment",
        {"team": "beta", "amount": {"amountMicros": "-5", "currencyCode": "USD"}},
    ),
    ("billing", "GET", "/reconciliation?unsettled_only=true", None, 200, "GetReconciliation", {"unsettledOnly": True}),
    ("billing", "GET", "/rate-plans", None, 200, "ListRatePlans", {}),
    ("billing", "POST", "/rate-plans", {"name": "p"}, 201, "CreateRatePlan", {"name": "p"}),
    ("billing", "GET", "/rate-plans/p1", None, 200, "GetRatePlan", {"ratePlanId": "p1"}),
    (
        "billing",
        "POST",
        "/rate-plans/p1/assign",
        {"team": "beta"},
        200,
        "AssignRatePlan",
        {"ratePlanId": "p1", "team": "beta"},
    ),
    ("notification", "GET", "/notifications?unread_only=true", None, 200, "ListNotifications", {"unreadOnly": True}),
    ("notification", "GET", "/notifications/n1", None, 200, "GetNotification", {"id": "n1"}),
    ("notification", "POST", "/notifications/n1/read", None, 200, "MarkRead", {"ids": ["n1"]}),
    ("notification", "POST", "/notifications/read", {"markAll": True}, 200, "MarkRead", {"markAll": True}),
    ("notification", "GET", "/notifications/rules", None, 200, "ListRules", {}),
    ("notification", "POST", "/notifications/rules", {"name": "r"}, 201, "CreateRule", {"name": "r"}),
    (
        "notification",
        "PUT",
        "/notifications/rules/r1",
        {"name": "r", "expectedRevision": "2"},
        200,
        "UpdateRule",
        {"id": "r1", "name": "r", "expectedRevision": "2"},
    ),
    ("notification", "DELETE", "/notifications/rules/r1", None, 200, "DeleteRule", {"id": "r1"}),
    ("notification", "POST", "/notifications/rules/r1/test", None, 200, "TestChannel", {"ruleId": "r1"}),
]


@pytest_asyncio.fixture
async def http(whole):
    headers = whole.headers(whole.issuer.identity.token(role="operator", team="alpha"))
    async with httpx.AsyncClient(base_url=f"{whole.http}/api/v1", headers=headers, timeout=60, verify=NO_TLS) as client:
        yield client


async def test_every_route_asks_its_rpc_what_the_request_says(whole, http):
    for noun, verb, path, body, status, rpc, request in CASES:
        response = await http.request(verb, path, json=body)

        assert response.status_code == status, f"{verb} {path}: {response.text}"
        asked, message = whole.others[noun].asked.pop()
        assert (asked, json_format.MessageToDict(message)) == (rpc, request), f"{verb} {path}"


@pytest.mark.parametrize("verb", ["PUT", "PATCH"])
async def test_a_pipeline_is_changed_by_the_id_of_its_path(whole, http, verb):
    body = {"pipelineId": "another", "name": "nightly", "steps": [{"id": "a", "type": "STEP_TYPE_TRAIN"}]}
    response = await http.request(verb, "/pipelines/p1", json=body)

    assert response.status_code == 200, response.text
    assert (response.json()["pipeline"]["id"], response.json()["pipeline"]["name"]) == ("p1", "nightly")
    (asked,) = whole.pipeline.asked
    assert json_format.MessageToDict(asked) == {**body, "pipelineId": "p1"}


async def test_a_pipeline_is_deleted_unless_it_is_in_use(whole, http):
    response = await http.delete("/pipelines/p1")
    refused = await http.delete("/pipelines/started")

    assert (response.status_code, response.json()) == (200, {})
    assert refused.status_code == 400
    assert refused.json()["reason"] == "PIPELINE_IN_USE"
    assert [asked.pipeline_id for asked in whole.pipeline.asked] == ["p1", "started"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/drift-reports?since=yesterday", "since"),
        ("/drift-reports?model_name=a&model_name=b", "model_name"),
        ("/drift-reports?min_severity=HIGH", "min_severity"),
        ("/usage?pagination=1", "pagination"),
        ("/drift-reports/watch?since=2013-03-01T00:00:00Z", "since"),
    ],
)
async def test_a_parameter_that_does_not_fit_is_named(http, path, field):
    response = await http.get(path)

    assert response.status_code == 400
    assert response.json()["fields"][0]["field"] == field


async def test_drift_is_told_as_it_is_found(whole, http):
    report = monitor_pb2.StreamDriftEventsResponse(report=monitor_pb2.DriftReport(id="d1", model_name="m"))
    whole.others["monitor"].answers["StreamDriftEvents"] = [report]

    response = await http.get("/drift-reports/watch?model_name=m&min_severity=DRIFT_SEVERITY_CRITICAL")

    assert response.headers["content-type"].startswith("text/event-stream")
    events = response.text.split("\n\n")
    assert events[0].startswith("data: ")
    assert '"id":"d1"' in events[0]
    assert events[1] == 'event: end\ndata: {"reason":"complete"}'
    assert whole.others["monitor"].asked[0][1].min_severity == monitor_pb2.DRIFT_SEVERITY_CRITICAL


async def test_a_stream_that_is_refused_is_a_status(whole, http):
    whole.others["monitor"].failures["StreamDriftEvents"] = NotFound("there is no monitor of m")

    response = await http.get("/drift-reports/watch?model_name=m")

    assert response.status_code == 404
