"""Commands that are sent twice."""

import asyncio

import asyncpg
import pytest
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_kernel import InvalidArgument

POSITION = "fp-position"


async def test_every_command_with_a_key_happens_once_and_answers_the_same(ann, described):
    register = pb.RegisterModelRequest(name="flights", idempotency_key="k1")
    model = (await ann(register)).model
    assert (await ann(register)).model == model
    create = pb.CreateVersionRequest(model_id=model.id, idempotency_key="k2", **described)
    created = await ann(create)
    assert (await ann(create)).version == created.version
    await ann.http.put(created.upload_url, content=b"onnx")
    version_id = created.version.id
    for request in (
        pb.ConfirmVersionUploadRequest(version_id=version_id, idempotency_key="k3"),
        pb.PromoteVersionRequest(version_id=version_id, target_stage=pb.MODEL_STAGE_PRODUCTION, idempotency_key="k4"),
        pb.UpdateModelRequest(id=model.id, description="d", update_description=True, idempotency_key="k5"),
        pb.DeleteModelRequest(id=model.id, force=True, idempotency_key="k6"),
        pb.RestoreModelRequest(id=model.id, idempotency_key="k7"),
    ):
        assert await ann(request) == await ann(request)
    assert len((await ann(pb.ListVersionsRequest(model_id=model.id))).versions) == 1


async def test_a_repeated_creation_answers_a_url_that_works_and_keeps_none(ann, registry):
    model = await ann.register()
    create = pb.CreateVersionRequest(model_id=model.id, idempotency_key="k")
    created = await ann(create)
    connection = await asyncpg.connect(registry.settings.database_url.get_secret_value())
    stored = await connection.fetchval("SELECT response FROM fp_commands WHERE key = 'k'")
    await connection.close()
    assert pb.CreateVersionResponse.FromString(stored) == pb.CreateVersionResponse(version=created.version)

    again, trailers = await ann.with_trailers(create)
    assert trailers["fp-replayed"] == "true"
    assert (await ann.http.put(again.upload_url, content=b"onnx")).status_code == 200
    await ann(pb.ConfirmVersionUploadRequest(version_id=created.version.id))

    assert (await ann(create)).upload_url == ""


async def test_a_key_may_come_as_metadata(ann):
    request = pb.RegisterModelRequest(name="flights")
    first = await ann(request, key="k")
    assert await ann(request, key="k") == first


async def test_a_key_with_another_body_is_refused(ann):
    await ann(pb.RegisterModelRequest(name="flights", idempotency_key="k"))
    with pytest.raises(InvalidArgument) as refused:
        await ann(pb.RegisterModelRequest(name="other", idempotency_key="k"))
    assert refused.value.fields[0].field == "idempotency_key"


async def test_a_key_of_one_team_means_nothing_in_another(registry, ann):
    request = pb.RegisterModelRequest(name="flights", idempotency_key="k")
    assert (await ann(request)).model.team == "alpha"
    assert (await registry.engineer("beta")(request)).model.team == "beta"


async def test_twins_at_the_same_time_happen_once(ann):
    request = pb.RegisterModelRequest(name="flights", idempotency_key="k")
    answers = await asyncio.gather(*(ann(request) for _ in range(5)))
    assert len({answer.model.id for answer in answers}) == 1
    assert len((await ann(pb.ListModelsRequest())).models) == 1


async def test_a_repeat_answers_a_position_too(ann):
    request = pb.RegisterModelRequest(name="flights", idempotency_key="k")
    first, trailers = await ann.with_trailers(request)
    again, trailers_again = await ann.with_trailers(request)
    assert trailers[POSITION] == trailers_again[POSITION] == f"{first.model.id}:1"
    assert trailers_again["fp-replayed"] == "true"
    assert again == first
