"""Large uploads, measured by a worker."""

import hashlib
from datetime import timedelta

from fp_kernel import Command, Principal
from fp_registry.domain.stages import Stage, Status
from fp_telemetry import correlation_id, setup, span
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
SMALL, LARGE = b"s" * 10, b"l" * 11


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


async def test_a_large_upload_is_measured_in_the_background(desk):
    version = await desk.version(LARGE)
    assert (await desk.confirm(version)).status is Status.PENDING_UPLOAD
    assert desk.wake.is_set()
    assert await desk.worker.once()
    assert await desk.status(version) is Status.READY
    (event,) = await desk.ready_events()
    assert (event.payload.artifact_digest, event.actor) == (digest(LARGE), "ann")
    assert desk.outcomes == ["ready"]
    assert not await desk.worker.once()


async def test_the_event_of_the_background_carries_the_correlation_of_the_confirmation(desk):
    version = await desk.version(LARGE)
    token = correlation_id.set("call-7")
    await desk.confirm(version)
    correlation_id.reset(token)
    await desk.worker.once()
    assert (await desk.ready_events())[0].correlation_id == "call-7"


async def test_the_background_belongs_to_the_trace_of_the_confirmation(desk):
    exporter = InMemorySpanExporter()
    telemetry = setup("registry", exporter=exporter)
    try:
        version = await desk.version(LARGE)
        with span("confirmation"):
            await desk.confirm(version)
        await desk.worker.once()
    finally:
        telemetry.shutdown()
    traces = {found.name: found.context.trace_id for found in exporter.get_finished_spans()}
    assert traces["verify upload"] == traces["confirmation"]


async def test_a_wrong_digest_is_found_in_the_background_too(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version, digest(SMALL))
    await desk.worker.once()
    assert await desk.status(version) is Status.FAILED
    assert await desk.ready_events() == []
    assert await desk.side.waiting() == 0


async def test_a_digest_that_is_named_while_the_worker_reads_is_held_against_what_it_read(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    adopt = desk.artifacts.adopt

    async def named_meanwhile(*arguments):
        await desk.confirm(version, digest(SMALL))
        await adopt(*arguments)

    desk.artifacts.adopt = named_meanwhile
    await desk.worker.once()
    assert await desk.status(version) is Status.FAILED
    assert await desk.ready_events() == []


async def test_an_upload_that_was_replaced_by_one_that_is_too_large_fails_with_its_size(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    desk.artifacts.objects[version.artifact_path] = b"t" * 21
    await desk.worker.once()
    failed = await desk.side.records.version("alpha", version.id)
    assert failed.status is Status.FAILED
    assert "21 bytes" in failed.failure_reason


async def test_a_model_that_was_archived_meanwhile_hears_of_no_ready_version(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    await desk.do.archive_model(version.model_id, force=False, caller=ANN, command=NO_KEY)
    await desk.worker.once()
    assert await desk.status(version) is Status.PENDING_UPLOAD
    assert await desk.side.waiting() == 0
    assert await desk.ready_events() == []


async def test_confirming_again_meanwhile_keeps_one_wish_and_the_digest(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version, digest(SMALL))
    await desk.confirm(version)
    assert await desk.side.waiting() == 1
    await desk.worker.once()
    assert await desk.status(version) is Status.FAILED


async def test_a_worker_that_dies_leaves_the_upload_to_another(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    taken = await desk.side.pending.take(timedelta(seconds=30))
    assert taken.version_id == version.id
    assert not await desk.worker.once()
    await desk.side.make_due()
    assert await desk.worker.once()
    assert await desk.status(version) is Status.READY


async def test_an_outage_of_the_object_store_is_waited_out(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    desk.artifacts.away = True
    assert await desk.worker.once()
    assert desk.outcomes == ["retried"]
    assert await desk.status(version) is Status.PENDING_UPLOAD
    desk.artifacts.away = False
    assert not await desk.worker.once()
    await desk.side.make_due()
    assert await desk.worker.once()
    assert await desk.status(version) is Status.READY


async def test_an_upload_that_is_gone_fails_the_version(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    del desk.artifacts.objects[version.artifact_path]
    await desk.worker.once()
    assert await desk.status(version) is Status.FAILED


async def test_a_version_that_was_archived_meanwhile_is_forgotten(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    await desk.do.promote_version(version.id, Stage.ARCHIVED, ANN, NO_KEY)
    await desk.worker.once()
    assert await desk.status(version) is Status.PENDING_UPLOAD
    assert await desk.side.waiting() == 0
    assert await desk.ready_events() == []
