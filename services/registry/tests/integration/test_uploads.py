"""From an upload to a READY version, now and in the background."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from fp_kernel import Aborted, Command, FailedPrecondition, InvalidArgument, NotFound, Principal, Unavailable
from fp_registry.app import use_cases
from fp_registry.app.confirm_upload import SizeLimits
from fp_registry.app.urls import DEFAULT_TTL, ArtifactUrls, lifetime
from fp_registry.app.verify_uploads import VerifyUploads
from fp_registry.domain.model import NewModel
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import NewVersion
from fp_telemetry import correlation_id

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
BOB = Principal("bob", "beta", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
SMALL, LARGE, TOO_LARGE = b"s" * 10, b"l" * 11, b"t" * 21
LIMITS = SizeLimits(inline=10, artifact=20)


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class Desk:
    def __init__(self, side, artifacts, clock):
        self.side, self.artifacts = side, artifacts
        self.wake, self.outcomes = asyncio.Event(), []
        self.do = use_cases.build(
            side.transactions, side.records, artifacts, clock=clock, limits=LIMITS, wake=self.wake
        )
        self.urls = ArtifactUrls(side.records, artifacts, clock)
        self.worker = VerifyUploads(
            side.verifications,
            transactions=side.transactions,
            records=side.records,
            artifacts=artifacts,
            clock=clock,
            wake=self.wake,
            observe=self.outcomes.append,
        )

    async def version(self, content=None):
        model = (await self.do.register_model(NewModel(name="flights"), ANN, NO_KEY)).model
        version = (await self.do.create_version(model.id, NewVersion(), DEFAULT_TTL, ANN, NO_KEY)).version
        if content is not None:
            self.artifacts.objects[version.artifact_path] = content
        return version

    async def confirm(self, version, expected="", caller=ANN):
        return (await self.do.confirm_upload(version.id, expected, caller, NO_KEY)).version

    async def ready_events(self):
        return [event for event in await self.side.emitted() if event.type == "fp.models.version.ready"]

    async def status(self, version):
        return (await self.side.records.version("alpha", version.id)).status


@pytest.fixture
def desk(side, artifacts, clock):
    return Desk(side, artifacts, clock)


async def test_a_small_upload_is_measured_at_once(desk):
    version = await desk.version(SMALL)
    ready = await desk.confirm(version, digest(SMALL))
    assert (ready.status, ready.digest, ready.size_bytes) == (Status.READY, digest(SMALL), 10)
    assert desk.artifacts.objects == {ready.artifact_path: SMALL}
    (event,) = await desk.ready_events()
    assert (event.payload.artifact_digest, event.payload.size_bytes) == (digest(SMALL), 10)
    assert event.payload.artifact_path == f"sha256/{digest(SMALL)[7:]}"


async def test_a_wrong_digest_fails_the_version_and_tells_nobody(desk):
    version = await desk.version(SMALL)
    failed = await desk.confirm(version, digest(LARGE))
    assert failed.status is Status.FAILED
    assert digest(LARGE) in failed.failure_reason
    assert digest(SMALL) in failed.failure_reason
    assert await desk.ready_events() == []
    assert f"sha256/{digest(SMALL)[7:]}" not in desk.artifacts.objects
    assert await desk.side.changes.unprojected(10) == [("alpha", version.model_id, 3)]


async def test_without_an_upload_the_refusal_says_what_to_do(desk):
    version = await desk.version()
    with pytest.raises(FailedPrecondition, match="PUT the artifact") as refused:
        await desk.confirm(version)
    assert refused.value.reason == "UPLOAD_MISSING"
    assert await desk.status(version) is Status.PENDING_UPLOAD


@pytest.mark.parametrize(("content", "reason"), [(b"", "UPLOAD_EMPTY"), (TOO_LARGE, "UPLOAD_TOO_LARGE")])
async def test_an_upload_that_can_be_repeated_is_refused_and_not_failed(desk, content, reason):
    version = await desk.version(content)
    with pytest.raises(FailedPrecondition) as refused:
        await desk.confirm(version)
    assert refused.value.reason == reason
    assert await desk.status(version) is Status.PENDING_UPLOAD


async def test_a_digest_of_another_form_is_refused_by_its_field(desk):
    version = await desk.version(SMALL)
    with pytest.raises(InvalidArgument) as refused:
        await desk.confirm(version, "sha256:short")
    assert refused.value.fields[0].field == "expected_digest"


async def test_confirming_again_answers_the_same(desk):
    version = await desk.version(SMALL)
    ready = await desk.confirm(version)
    assert await desk.confirm(version) == ready
    assert await desk.confirm(version, digest(SMALL)) == ready
    with pytest.raises(FailedPrecondition):
        await desk.confirm(version, digest(LARGE))
    assert len(await desk.ready_events()) == 1


async def test_confirmations_at_the_same_time_make_one_ready_version(desk):
    version = await desk.version(SMALL)
    answers = await asyncio.gather(*(desk.confirm(version) for _ in range(4)))
    assert {answer.status for answer in answers} == {Status.READY}
    assert len(await desk.ready_events()) == 1


async def test_what_is_replaced_while_it_is_measured_is_measured_again(desk):
    version = await desk.version(SMALL)
    replacements = [b"second"]

    def replace_once():
        if replacements:
            desk.artifacts.objects[version.artifact_path] = replacements.pop()

    desk.artifacts.on_measured = replace_once
    ready = await desk.confirm(version)
    assert ready.digest == digest(b"second")
    assert desk.artifacts.objects[ready.artifact_path] == b"second"


async def test_what_is_replaced_again_and_again_is_refused_for_now(desk):
    version = await desk.version(SMALL)
    counter = iter(range(100))

    def replace():
        desk.artifacts.objects[version.artifact_path] = str(next(counter)).encode()

    desk.artifacts.on_measured = replace
    with pytest.raises(Aborted):
        await desk.confirm(version)
    assert await desk.status(version) is Status.PENDING_UPLOAD


async def test_an_object_store_that_is_away_changes_nothing(desk):
    version = await desk.version(SMALL)
    desk.artifacts.away = True
    with pytest.raises(Unavailable):
        await desk.confirm(version)
    desk.artifacts.away = False
    assert (await desk.confirm(version)).status is Status.READY


async def test_an_archived_version_takes_no_artifact(desk):
    version = await desk.version(SMALL)
    await desk.do.promote_version(version.id, Stage.ARCHIVED, ANN, NO_KEY)
    with pytest.raises(FailedPrecondition):
        await desk.confirm(version)


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


async def test_a_wrong_digest_is_found_in_the_background_too(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version, digest(SMALL))
    await desk.worker.once()
    assert await desk.status(version) is Status.FAILED
    assert await desk.ready_events() == []
    assert await desk.side.verifications.waiting() == 0


async def test_confirming_again_meanwhile_keeps_one_wish_and_the_digest(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version, digest(SMALL))
    await desk.confirm(version)
    assert await desk.side.verifications.waiting() == 1
    await desk.worker.once()
    assert await desk.status(version) is Status.FAILED


async def test_a_worker_that_dies_leaves_the_upload_to_another(desk):
    version = await desk.version(LARGE)
    await desk.confirm(version)
    taken = await desk.side.verifications.take(timedelta(seconds=30))
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
    assert await desk.side.verifications.waiting() == 0
    assert await desk.ready_events() == []


async def test_two_versions_with_one_content_share_the_object(desk):
    version = await desk.version(SMALL)
    other = (await desk.do.create_version(version.model_id, NewVersion(), DEFAULT_TTL, ANN, NO_KEY)).version
    desk.artifacts.objects[other.artifact_path] = SMALL
    first, second = await desk.confirm(version), await desk.confirm(other)
    assert first.artifact_path == second.artifact_path


async def test_a_download_url_comes_with_the_digest_to_check(desk, clock):
    version = await desk.version(SMALL)
    ready = await desk.confirm(version)
    url, expected = await desk.urls.download(version.id, lifetime(60, "ttl_seconds"), ANN)
    assert (url.url, expected) == (f"memory://get/{ready.artifact_path}?seconds=60", ready.digest)
    assert (url.expires_at - clock.now()).total_seconds() == 60


async def test_only_a_ready_version_is_downloaded_and_only_a_pending_one_uploaded(desk):
    version = await desk.version(SMALL)
    with pytest.raises(FailedPrecondition):
        await desk.urls.download(version.id, DEFAULT_TTL, ANN)
    assert (await desk.urls.upload(version.id, DEFAULT_TTL, ANN)).url.startswith("memory://put/uploads/")
    await desk.confirm(version)
    with pytest.raises(FailedPrecondition):
        await desk.urls.upload(version.id, DEFAULT_TTL, ANN)


async def test_another_team_gets_no_urls(desk):
    version = await desk.version(SMALL)
    await desk.confirm(version)
    for asked in (desk.urls.upload, desk.urls.download):
        with pytest.raises(NotFound):
            await asked(version.id, DEFAULT_TTL, BOB)


@pytest.mark.parametrize(("asked", "given"), [(0, 900), (60, 60), (3_600, 3_600), (2**62, 3_600)])
def test_a_lifetime_is_clamped_to_an_hour(asked, given):
    assert lifetime(asked, "ttl_seconds").total_seconds() == given


def test_a_negative_lifetime_is_refused_by_its_field():
    with pytest.raises(InvalidArgument) as refused:
        lifetime(-1, "ttl_seconds")
    assert refused.value.fields[0].field == "ttl_seconds"
