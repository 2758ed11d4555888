"""A page of tiles, each with a fate of its own."""

import httpx
from forgepoint.billing.v1 import billing_pb2
from forgepoint.monitor.v1 import monitor_pb2
from fp_kernel import PermissionDenied
from fp_testkit.http import NO_TLS


async def page(edge, headers=None):
    async with httpx.AsyncClient(base_url=edge.http, timeout=60, verify=NO_TLS) as http:
        response = await http.get("/api/v1/dashboard", headers=edge.headers() if headers is None else headers)
    assert response.status_code == 200
    return response.json()


async def test_every_tile_has_its_data(whole):
    whole.others["monitor"].answers["ListDriftReports"] = monitor_pb2.ListDriftReportsResponse(
        reports=[monitor_pb2.DriftReport(id="d1")]
    )
    whole.others["billing"].answers["GetUsage"] = billing_pb2.GetUsageResponse(
        summaries=[billing_pb2.UsageSummary(team="alpha")]
    )

    tiles = await page(whole)

    assert set(tiles) == {"models", "activeExecutions", "recentDrift", "usage"}
    assert all(tile["ok"] and "error" not in tile for tile in tiles.values())
    assert tiles["models"]["data"] == {"total": 7}
    assert tiles["recentDrift"]["data"]["reports"][0]["id"] == "d1"
    assert tiles["usage"]["data"]["summaries"][0]["team"] == "alpha"
    # One call for each status in which an execution is at work, newest first.
    assert tiles["activeExecutions"]["data"]["pagination"] == {"nextPageToken": "", "totalCount": -1}
    active = [execution["id"] for execution in tiles["activeExecutions"]["data"]["executions"]]
    assert active == ["e3", "e2", "e1"]


async def test_a_tile_that_fails_fails_alone(whole):
    whole.others["monitor"].failures["ListDriftReports"] = PermissionDenied("not for you")

    tiles = await page(whole)

    assert tiles["recentDrift"] == {"ok": False, "error": "not for you"}
    assert all(tile["ok"] for name, tile in tiles.items() if name != "recentDrift")


async def test_a_tile_that_is_late_does_not_hold_the_page(whole):
    whole.others["billing"].slow.add("GetUsage")

    tiles = await page(whole)

    assert "did not answer in time" in tiles["usage"]["error"]
    assert tiles["models"]["ok"]
    # Nowhere near the 30 seconds of other calls.
    assert whole.others["billing"].allowed["GetUsage"] < 25


async def test_a_page_without_a_credential_or_without_services_is_still_a_page(edge):
    tiles = await page(edge, {})
    assert {tile["ok"] for tile in tiles.values()} == {False}

    tiles = await page(edge)
    assert (tiles["usage"]["ok"], tiles["models"]["ok"]) == (False, True)


async def test_recent_drift_is_the_newest_five_reports_of_any_severity(whole):
    await page(whole)

    (request,) = [request for name, request in whole.others["monitor"].asked if name == "ListDriftReports"]
    assert (request.min_severity, request.pagination.page_size) == (monitor_pb2.DRIFT_SEVERITY_UNSPECIFIED, 5)
