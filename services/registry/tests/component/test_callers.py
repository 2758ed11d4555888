"""Who may do what, and that teams do not see each other."""

import pytest
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_kernel import NotFound, PermissionDenied, Unauthenticated

WRITES = [
    pb.RegisterModelRequest(),
    pb.UpdateModelRequest(),
    pb.DeleteModelRequest(),
    pb.CreateVersionRequest(),
    pb.ConfirmVersionUploadRequest(),
    pb.PromoteVersionRequest(),
    pb.RollbackModelRequest(),
    pb.GetUploadURLRequest(),
]


async def test_a_viewer_reads_and_changes_nothing(registry, ann):
    model = await ann.register()
    viewer = registry.viewer()
    assert (await viewer(pb.GetModelRequest(id=model.id))).model.name == "flights"
    for request in WRITES:
        with pytest.raises(PermissionDenied):
            await viewer(request)


async def test_without_a_credential_nothing_answers(registry):
    with pytest.raises(Unauthenticated):
        await registry.caller("")(pb.ListModelsRequest())


async def test_an_api_key_is_resolved_by_auth(registry):
    caller = registry.caller(registry.issuer.api_key())
    model = await caller.register()
    assert model.owner_id == "engineer-of-alpha"


async def test_another_team_finds_nothing(registry, ann):
    model = await ann.register()
    version = await ann.ready(model)
    await ann.promote(version)
    bob = registry.engineer("beta")
    requests = [
        pb.GetModelRequest(id=model.id),
        pb.GetModelRequest(name="flights"),
        pb.UpdateModelRequest(id=model.id, description="mine", update_description=True),
        pb.DeleteModelRequest(id=model.id),
        pb.CreateVersionRequest(model_id=model.id),
        pb.ConfirmVersionUploadRequest(version_id=version.id),
        pb.GetVersionRequest(id=version.id),
        pb.GetVersionRequest(model_id=model.id, version="1"),
        pb.GetVersionRequest(model_id=model.id, stage=pb.MODEL_STAGE_PRODUCTION),
        pb.ListVersionsRequest(model_id=model.id),
        pb.PromoteVersionRequest(version_id=version.id, target_stage=pb.MODEL_STAGE_ARCHIVED),
        pb.RollbackModelRequest(model_id=model.id),
        pb.GetUploadURLRequest(version_id=version.id),
        pb.GetDownloadURLRequest(version_id=version.id),
        pb.GetProductionHistoryRequest(model_id=model.id),
    ]
    for request in requests:
        with pytest.raises(NotFound):
            await bob(request)
    assert not (await bob(pb.ListModelsRequest(include_archived=True))).models
    assert (await bob.register()).name == "flights"
    assert (await ann(pb.GetVersionRequest(id=version.id))).version.stage == pb.MODEL_STAGE_PRODUCTION


async def test_a_service_acts_for_the_team_it_names(registry, ann):
    model = await ann.register()
    pipeline = registry.as_service("pipeline", acting="alpha")
    version = await pipeline.ready(model)
    assert version.created_by == "pipeline"
    with pytest.raises(NotFound):
        await registry.as_service("pipeline", acting="beta")(pb.GetModelRequest(id=model.id))
