"""One trace from an HTTP request to the row that a consumer wrote because of it."""

import asyncio
import secrets

import httpx
import pytest_asyncio
from fp_events import Consumer, connect, each
from fp_events.payloads.predictions import opened
from fp_postgres import Database, migrate
from fp_telemetry import setup
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE

CONSUMER = Consumer("trace-test", ("fp.inference.recorded",))


@pytest_asyncio.fixture
async def database(database_url, tmp_path):
    (tmp_path / "0001_seen.sql").write_text("create table seen (request_id text primary key, correlation_id text);")
    await migrate(database_url, tmp_path, service="seen")
    opened = await Database.connect(database_url, source="seen")
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def consumer(platform, database, collector):
    """A service in miniature: an event, its inbox row and its effect in one transaction."""
    telemetry = setup("consumer", otlp_endpoint=collector.endpoint)
    bus = await connect(platform.admin_nats_url, name="trace-test")
    await bus.ensure((), (CONSUMER,))

    async def handle(event):
        async with database.transaction() as tx:
            if await tx.inbox.first(CONSUMER.name, event.id):
                for one in opened(event):
                    await tx.execute("insert into seen values ($1, $2)", one.payload.request_id, one.correlation_id)

    task = asyncio.create_task(bus.consume(CONSUMER, each(handle)))
    yield
    task.cancel()
    await asyncio.wait([task])
    await bus.close()
    telemetry.shutdown()


async def test_one_trace_links_the_request_to_the_consumer_s_row(
    platform, admin_token, served, consumer, database, collector
):
    trace_id = secrets.token_hex(16)
    headers = {
        "authorization": f"Bearer {admin_token}",
        "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-01",
        "x-correlation-id": f"correlation-{trace_id}",
    }
    body = {"inputs": {"x": {"dtype": "FLOAT32", "data": [[1, 2, 3]]}}}

    async with httpx.AsyncClient(base_url=platform.http, timeout=PATIENCE, verify=NO_TLS) as http:
        response = await http.post(f"/v1/models/{served}/predict", json=body, headers=headers)

    assert response.status_code == 200, response.text
    request_id = response.json()["requestId"]
    async with asyncio.timeout(PATIENCE):
        while not (row := await database.fetchrow("select * from seen where request_id = $1", request_id)):
            await asyncio.sleep(0.05)
    assert row["correlation_id"] == f"correlation-{trace_id}"
    wanted = {"gateway", "inference", "serving", "consumer"}
    await collector.wait_for(
        lambda spans: wanted <= {span.service for span in spans if span.trace_id == trace_id}, patience=PATIENCE
    )
    spans = collector.trace(trace_id)
    assert any(span.service == "consumer" and span.name == "postgres transaction" for span in spans)
    ids = {span.span_id for span in spans}
    roots = [span for span in spans if span.parent_id not in ids]
    assert [root.service for root in roots] == ["gateway"]
