"""From an upload to a READY version, now and in the background."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from fp_kernel import Aborted, Command, FailedPrecondition, InvalidArgument, NotFound, Principal, Unavailable
from fp_registry.app.expire_uploads import ExpireUploads
from fp_registry.app.measure_upload import SizeLimits
from fp_registry.app.urls import DEFAULT_TTL, lifetime
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import NewVersion

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
BOB = Principal("bob", "beta", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
SMALL, LARGE, TOO_LARGE = b"s" * 10, b"l" * 11, b"t" * 21
LIMITS = SizeLimits(inline=10, artifact=20)


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


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


async def test_an_upload_that_a_twin_took_away_is_no_error(desk):
    version = await desk.version(SMALL)
    adopt = desk.artifacts.adopt

    async def overtaken(*arguments):
        """Between this call's measuring and its copy, a twin confirms and discards the upload."""
        desk.artifacts.adopt = adopt
        await desk.confirm(version)
        await adopt(*arguments)

    desk.artifacts.adopt = overtaken
    assert (await desk.confirm(version)).status is Status.READY
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


@pytest.mark.parametrize(
    ("replaced_by", "refusal"), [(b"", FailedPrecondition), (TOO_LARGE, FailedPrecondition), (LARGE, Aborted)]
)
async def test_what_replaces_an_upload_is_held_to_the_limits_too(desk, replaced_by, refusal):
    version = await desk.version(SMALL)

    def replace_it():
        desk.artifacts.objects[version.artifact_path] = replaced_by

    desk.artifacts.on_measured = replace_it
    with pytest.raises(refusal):
        await desk.confirm(version)
    assert await desk.status(version) is Status.PENDING_UPLOAD
    assert list(desk.artifacts.objects) == [version.artifact_path]


async def test_a_version_whose_artifact_never_came_fails_and_leaves_no_upload(desk, clock):
    expire = ExpireUploads(
        desk.side.transactions, desk.side.records, desk.artifacts, clock=clock, patience=timedelta(days=7)
    )
    forgotten = await desk.version(SMALL)
    assert await expire() == 0
    clock.advance(8 * 86_400)
    young = (await desk.do.create_version(forgotten.model_id, NewVersion(), ANN, NO_KEY)).version

    assert (await expire(), await expire()) == (1, 0)

    failed = await desk.side.records.version("alpha", forgotten.id)
    assert (failed.status, failed.failure_reason) == (Status.FAILED, "no artifact was confirmed within 7 days")
    assert desk.artifacts.objects == {}
    assert {await desk.status(young)} == {Status.PENDING_UPLOAD}


async def test_a_large_upload_that_waits_to_be_measured_is_not_given_up(desk, clock):
    expire = ExpireUploads(
        desk.side.transactions, desk.side.records, desk.artifacts, clock=clock, patience=timedelta(days=7)
    )
    version = await desk.version(LARGE)
    await desk.confirm(version)
    clock.advance(8 * 86_400)
    assert await expire() == 0
    assert await desk.status(version) is Status.PENDING_UPLOAD


async def test_an_upload_that_fails_its_version_is_taken_away(desk):
    version = await desk.version(SMALL)
    await desk.confirm(version, digest(LARGE))
    assert desk.artifacts.objects == {}


async def test_an_archived_model_takes_no_artifact_and_tells_nobody(desk):
    version = await desk.version(SMALL)
    await desk.do.archive_model(version.model_id, force=False, caller=ANN, command=NO_KEY)
    with pytest.raises(FailedPrecondition) as refused:
        await desk.confirm(version)
    assert refused.value.reason == "MODEL_ARCHIVED"
    assert await desk.ready_events() == []


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


async def test_two_versions_with_one_content_share_the_object(desk):
    version = await desk.version(SMALL)
    other = (await desk.do.create_version(version.model_id, NewVersion(), ANN, NO_KEY)).version
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
