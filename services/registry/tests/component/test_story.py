"""From a name to a version in PRODUCTION and back, as a client sees it."""

import hashlib

import pytest
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_kernel import FailedPrecondition, NotFound, new_id
from google.protobuf.timestamp_pb2 import Timestamp


async def test_a_model_is_read_back_at_once_by_id_and_by_name(ann):
    model = await ann.register(framework="onnx", task_type="classification", tags={"tier": "1"})
    assert (model.owner_id, model.team) == ("engineer-of-alpha", "alpha")
    for request in (pb.GetModelRequest(id=model.id), pb.GetModelRequest(name="flights")):
        assert (await ann(request)).model == model
    listed = await ann(pb.ListModelsRequest())
    assert list(listed.models) == [model]
    assert listed.pagination.total_count == -1
    assert (await ann(pb.ListModelsRequest(with_total=True))).pagination.total_count == 1


async def test_a_text_that_is_no_id_names_no_model(ann):
    with pytest.raises(NotFound):
        await ann(pb.GetModelRequest(id="flights"))


async def test_a_version_goes_from_upload_to_production(ann, http, described):
    model = await ann.register()
    created = await ann.create(model, metrics={"auc": 0.71, "by": {"month": [1.0, 2.0]}}, **described)
    assert (created.version.version, created.version.status) == ("1", pb.VERSION_STATUS_PENDING_UPLOAD)
    await http.put(created.upload_url, content=b"onnx")
    confirmed = await ann(pb.ConfirmVersionUploadRequest(version_id=created.version.id))
    digest = f"sha256:{hashlib.sha256(b'onnx').hexdigest()}"
    assert (confirmed.version.status, confirmed.version.artifact_digest) == (pb.VERSION_STATUS_READY, digest)
    promoted = await ann.promote(confirmed.version)
    assert not promoted.HasField("demoted_version")
    refs = [
        pb.GetVersionRequest(id=created.version.id),
        pb.GetVersionRequest(model_id=model.id, version="1"),
        pb.GetVersionRequest(model_id=model.id, stage=pb.MODEL_STAGE_PRODUCTION),
    ]
    for ref in refs:
        assert (await ann(ref)).version == promoted.version
    assert promoted.version.metrics == created.version.metrics
    assert promoted.version.baseline_profile == described["baseline_profile"]
    assert promoted.version.signature == described["signature"]
    found = (await ann(pb.GetModelRequest(id=model.id))).model
    assert (found.production_version, found.latest_version) == ("1", "1")


async def test_the_artifact_comes_back_by_its_digest(ann, http):
    version = await ann.ready(await ann.register(), b"the very bytes")
    answer = await ann(pb.GetDownloadURLRequest(version_id=version.id, ttl_seconds=60))
    content = (await http.get(answer.download_url)).content
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == answer.artifact_digest == version.artifact_digest
    assert answer.HasField("expires_at")


async def test_a_confirmed_artifact_is_not_changed_by_its_upload_url(ann, http):
    model = await ann.register()
    created = await ann.create(model)
    await http.put(created.upload_url, content=b"good")
    await ann(pb.ConfirmVersionUploadRequest(version_id=created.version.id))
    await http.put(created.upload_url, content=b"evil")
    answer = await ann(pb.GetDownloadURLRequest(version_id=created.version.id))
    assert (await http.get(answer.download_url)).content == b"good"


async def test_a_fresh_upload_url_is_had_until_the_version_is_ready(ann, http):
    created = await ann.create(await ann.register())
    fresh = await ann(pb.GetUploadURLRequest(version_id=created.version.id, ttl_seconds=60))
    assert (await http.put(fresh.upload_url, content=b"onnx")).status_code == 200
    await ann(pb.ConfirmVersionUploadRequest(version_id=created.version.id))
    with pytest.raises(FailedPrecondition):
        await ann(pb.GetUploadURLRequest(version_id=created.version.id))


async def test_promotion_and_rollback_are_seen_by_readers_and_in_history(ann):
    model = await ann.register()
    one, two = await ann.ready(model, b"1"), await ann.ready(model, b"2")
    await ann.promote(one)
    promoted = await ann.promote(two)
    assert (promoted.demoted_version.id, promoted.demoted_version.stage) == (one.id, pb.MODEL_STAGE_ARCHIVED)
    back = await ann(pb.RollbackModelRequest(model_id=model.id))
    assert (back.version.id, back.demoted_version.id) == (one.id, two.id)
    assert (await ann(pb.GetModelRequest(id=model.id))).model.production_version == "1"
    history = await ann(pb.GetProductionHistoryRequest(model_id=model.id))
    assert [tenure.version for tenure in history.tenures] == ["1", "2", "1"]
    assert [tenure.HasField("ended_at") for tenure in history.tenures] == [False, True, True]
    moment = history.tenures[1].started_at
    held = await ann(pb.GetProductionHistoryRequest(model_id=model.id, at=moment))
    assert [tenure.version for tenure in held.tenures] == ["2"]


async def test_an_update_and_an_archive_are_seen_by_readers(ann):
    model = await ann.register(tags={"tier": "1"})
    await ann(pb.UpdateModelRequest(id=model.id, description="late?", update_description=True))
    await ann(pb.UpdateModelRequest(id=model.id, tags={"tier": "2"}, replace_tags=True))
    (found,) = (await ann(pb.SearchByTagRequest(key="tier", value="2"))).models
    assert found.description == "late?"
    await ann(pb.DeleteModelRequest(id=model.id))
    assert not (await ann(pb.ListModelsRequest())).models
    assert (await ann(pb.ListModelsRequest(include_archived=True))).models[0].HasField("archived_at")
    with pytest.raises(FailedPrecondition):
        await ann.create(model)


async def test_a_model_that_serves_is_archived_only_by_force_and_its_history_ends_there(ann):
    model = await ann.register()
    version = await ann.ready(model)
    await ann.promote(version)
    with pytest.raises(FailedPrecondition) as refused:
        await ann(pb.DeleteModelRequest(id=model.id))
    assert refused.value.reason == "MODEL_IN_PRODUCTION"

    await ann(pb.DeleteModelRequest(id=model.id, force=True))

    found = (await ann(pb.GetModelRequest(id=model.id))).model
    assert (found.production_version, found.HasField("archived_at")) == ("", True)
    (tenure,) = (await ann(pb.GetProductionHistoryRequest(model_id=model.id))).tenures
    assert tenure.ended_at == found.archived_at
    held = await ann(pb.GetProductionHistoryRequest(model_id=model.id, at=Timestamp(seconds=2**32)))
    assert not held.tenures


async def test_an_archived_model_comes_back_as_it_was_and_rolls_back_to_what_it_served(ann, events_until):
    model = await ann.register()
    version = await ann.ready(model)
    await ann.promote(version)
    await ann(pb.DeleteModelRequest(id=model.id, force=True))

    restored = (await ann(pb.RestoreModelRequest(id=model.id))).model

    assert not restored.HasField("archived_at")
    assert [found.id for found in (await ann(pb.ListModelsRequest())).models] == [model.id]
    back = await ann(pb.RollbackModelRequest(model_id=model.id))
    assert (back.version.id, back.version.stage) == (version.id, pb.MODEL_STAGE_PRODUCTION)
    events = await events_until("fp.models.restored")
    assert events[-1].payload.model_name == "flights"


async def test_every_change_is_told_once_and_in_order(ann, events_until, described):
    model = await ann.register()
    version = await ann.ready(model, **described)
    await ann.promote(version)
    await ann(pb.DeleteModelRequest(id=model.id, force=True))

    events = await events_until("fp.models.archived")
    assert [event.type.removeprefix("fp.models.") for event in events] == [
        "registered",
        "version.created",
        "version.ready",
        "promoted",
        "archived",
    ]
    assert [event.sequence for event in events] == [1, 2, 3, 4, 5]
    assert {(event.team, event.resource_id, event.source) for event in events} == {("alpha", model.id, "registry")}
    promoted = events[3].payload
    assert promoted.baseline_profile == described["baseline_profile"]
    assert (promoted.signature, promoted.run_id) == (described["signature"], "run-1")


async def test_a_large_upload_is_measured_in_the_background(ann, events_until):
    model = await ann.register()
    content = b"x" * 1_000_001
    version = await ann.upload(model, content)
    confirmed = await ann(pb.ConfirmVersionUploadRequest(version_id=version.id))
    assert confirmed.version.status == pb.VERSION_STATUS_PENDING_UPLOAD
    events = await events_until("fp.models.version.ready")
    assert events[-1].payload.artifact_digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
    position = f"{model.id}:3"
    found = (await ann(pb.GetVersionRequest(id=version.id), position=position)).version
    assert (found.status, found.size_bytes) == (pb.VERSION_STATUS_READY, len(content))


async def test_what_is_not_there_is_found_by_nobody(ann):
    for request in (
        pb.GetModelRequest(id=new_id()),
        pb.GetModelRequest(name="nothing"),
        pb.GetVersionRequest(id=new_id()),
        pb.ListVersionsRequest(model_id=new_id()),
        pb.GetDownloadURLRequest(version_id=new_id()),
        pb.GetProductionHistoryRequest(model_id=new_id()),
    ):
        with pytest.raises(NotFound):
            await ann(request)
