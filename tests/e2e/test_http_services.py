"""Features, runs, money and messages over HTTP, as a program without gRPC uses them."""

import httpx
import pytest_asyncio
from fp_kernel import new_id
from fp_testkit.http import NO_TLS

METERS = ("INFERENCE_REQUEST", "INFERENCE_TOKENS", "COMPUTE_SECONDS", "STORAGE_BYTES")


@pytest_asyncio.fixture
async def http(platform, admin_token):
    headers = {"authorization": f"Bearer {admin_token}"}
    async with httpx.AsyncClient(
        base_url=f"{platform.http}/api/v1", headers=headers, timeout=60, verify=NO_TLS
    ) as client:
        yield client


async def done(call, status=200):
    response = await call
    assert response.status_code == status, response.text
    return response.json()


async def test_features_are_written_and_looked_up(http):
    view = {
        "name": f"view-{new_id()}",
        "entity": {"name": "flight", "joinKey": "flight_id"},
        "features": [{"name": "wind", "valueType": "FEATURE_VALUE_TYPE_DOUBLE"}],
    }
    view_id = (await done(http.post("/feature-views", json=view), 201))["featureView"]["id"]
    rows = {"features": [{"entityId": "f1", "values": {"wind": 12.5}}]}
    await done(http.post(f"/feature-views/{view_id}/features", json=rows))

    found = await done(http.get(f"/feature-views/{view_id}/online?entity_ids=f1&entity_ids=f2"))

    assert [vector["values"] for vector in found["vectors"]] == [{"wind": 12.5}]
    assert found["missingEntityIds"] == ["f2"]
    assert (await http.get(f"/feature-views/{new_id()}")).status_code == 404


async def test_an_experiment_is_made_and_its_runs_are_listed(http):
    experiment = (await done(http.post("/experiments", json={"name": f"e-{new_id()}"}), 201))["experiment"]

    runs = await done(http.get("/runs", params={"experiment_id": experiment["id"]}))

    assert runs["runs"] == []
    assert (await http.get("/compare?run_ids=nothing")).status_code in (400, 404)


async def test_a_rate_plan_is_made_and_read(http):
    price = {"amountMicros": "1000", "currencyCode": "USD"}
    plan = {"name": f"plan-{new_id()}", "unitPrices": {f"METER_TYPE_{meter}": price for meter in METERS}}
    plan_id = (await done(http.post("/rate-plans", json=plan), 201))["ratePlan"]["id"]

    assert (await done(http.get(f"/rate-plans/{plan_id}")))["ratePlan"]["name"] == plan["name"]
    assert (await done(http.get("/usage")))["grandTotal"] is not None
    assert "invoices" in await done(http.get("/invoices"))


async def test_rules_are_made_listed_and_deleted_and_notifications_marked(http):
    rule = {"name": f"r-{new_id()}", "patterns": ["fp.models.drift.>"], "channels": ["NOTIFICATION_CHANNEL_IN_APP"]}
    rule_id = (await done(http.post("/notifications/rules", json=rule), 201))["rule"]["id"]

    assert rule_id in {found["id"] for found in (await done(http.get("/notifications/rules")))["rules"]}
    await done(http.delete(f"/notifications/rules/{rule_id}"))
    assert "unreadCount" in await done(http.post("/notifications/read", json={"markAll": True}))
    assert "notifications" in await done(http.get("/notifications?unread_only=true"))


async def test_a_model_nobody_watches_has_no_health(http):
    assert "entries" in await done(http.get("/monitors"))
    assert (await done(http.get("/drift-reports?model_name=nobody")))["reports"] == []
    assert (await http.get("/models/nobody/health")).status_code == 404


async def test_a_stream_of_drift_is_open_before_there_is_any(http):
    async with http.stream("GET", "/drift-reports/watch") as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")


async def test_the_dashboard_has_every_tile(http):
    tiles = await done(http.get("/dashboard"))

    # A busy machine may be late with one of them; then it says so.
    assert set(tiles) == {"models", "activeExecutions", "recentDrift", "usage"}
    assert all("data" in tile if tile["ok"] else tile["error"]["code"] == 504 for tile in tiles.values())
