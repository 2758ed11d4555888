"""Every bad input: a typed error that names the field, and nothing half-written."""

import pytest
from forgepoint.common.v1 import common_pb2, model_pb2
from forgepoint.registry.v1 import registry_pb2 as pb
from fp_kernel import AlreadyExists, FailedPrecondition, InvalidArgument, Unavailable, new_id, next_token
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

ID = new_id()


def deep(levels):
    inner = Struct()
    inner["x"] = 1
    for _ in range(levels):
        outer = Struct()
        outer["m"] = inner
        inner = outer
    return inner


def struct(**values):
    made = Struct()
    made.update(values)
    return made


def page(token="", size=0):
    return common_pb2.PaginationRequest(page_size=size, page_token=token)


BAD = [
    (pb.RegisterModelRequest(), "name"),
    (pb.RegisterModelRequest(name="a/b"), "name"),
    (pb.RegisterModelRequest(name="x" * 129), "name"),
    (pb.RegisterModelRequest(name="m", description="x" * 4_097), "description"),
    (pb.RegisterModelRequest(name="m", description="nul\x00"), "description"),
    (pb.RegisterModelRequest(name="m", framework=" onnx"), "framework"),
    (pb.RegisterModelRequest(name="m", task_type="x" * 65), "task_type"),
    (pb.RegisterModelRequest(name="m", tags={"": "x"}), "tags"),
    (pb.RegisterModelRequest(name="m", tags={"k": "x" * 257}), "tags[k]"),
    (pb.RegisterModelRequest(name="m", idempotency_key="k" * 256), "idempotency_key"),
    (pb.UpdateModelRequest(id="x"), "id"),
    (pb.DeleteModelRequest(id=""), "id"),
    (pb.GetModelRequest(), "id"),
    (pb.GetModelRequest(name="a b"), "name"),
    (pb.ListModelsRequest(framework_filter="x" * 65), "framework_filter"),
    (pb.ListModelsRequest(task_type_filter="two\nlines"), "task_type_filter"),
    (pb.ListModelsRequest(pagination=page(size=-1)), "pagination.page_size"),
    (pb.ListModelsRequest(pagination=page("garbage")), "pagination.page_token"),
    (
        pb.ListModelsRequest(pagination=page(next_token(("not an id",), scope=("alpha", "models", "", "", "False")))),
        "pagination.page_token",
    ),
    (pb.SearchByTagRequest(), "key"),
    (pb.SearchByTagRequest(key="k", value="x" * 257), "value"),
    (pb.CreateVersionRequest(model_id="flights"), "model_id"),
    (pb.CreateVersionRequest(model_id=ID, upload_url_ttl_seconds=-1), "upload_url_ttl_seconds"),
    (pb.GetUploadURLRequest(version_id="1"), "version_id"),
    (pb.GetUploadURLRequest(version_id=ID, ttl_seconds=-1), "ttl_seconds"),
    (pb.GetDownloadURLRequest(version_id="1"), "version_id"),
    (pb.ConfirmVersionUploadRequest(version_id=""), "version_id"),
    (pb.ConfirmVersionUploadRequest(version_id=ID, expected_digest="md5:1"), "expected_digest"),
    (pb.GetVersionRequest(), "id"),
    (pb.GetVersionRequest(version="1"), "id"),
    (pb.GetVersionRequest(model_id=ID), "version"),
    (pb.GetVersionRequest(model_id=ID, version="1", stage=pb.MODEL_STAGE_DEV), "stage"),
    (pb.GetVersionRequest(model_id=ID, stage=77), "stage"),
    (pb.GetVersionRequest(model_id=ID, version="a/b"), "version"),
    (pb.ListVersionsRequest(model_id="x"), "model_id"),
    (pb.ListVersionsRequest(model_id=ID, stage_filter=77), "stage_filter"),
    (
        pb.ListVersionsRequest(
            model_id=ID, pagination=page(next_token(("1" * 40,), scope=("alpha", "versions", ID, "")))
        ),
        "pagination.page_token",
    ),
    (pb.PromoteVersionRequest(version_id=ID), "target_stage"),
    (pb.PromoteVersionRequest(version_id=ID, target_stage=9), "target_stage"),
    (pb.PromoteVersionRequest(version_id="1", target_stage=pb.MODEL_STAGE_STAGING), "version_id"),
    (pb.RollbackModelRequest(model_id="x"), "model_id"),
    (pb.GetProductionHistoryRequest(model_id="x"), "model_id"),
    (pb.GetProductionHistoryRequest(model_id=ID, at=Timestamp(seconds=2**60)), "at"),
]


async def refusal(caller, request, **options):
    with pytest.raises(InvalidArgument) as refused:
        await caller(request, **options)
    return refused.value.fields[0].field


async def test_each_bad_field_is_named(ann):
    for request, field in BAD:
        assert (type(request).__name__, await refusal(ann, request)) == (type(request).__name__, field)
    assert not (await ann(pb.ListModelsRequest())).models


def tensor(**more):
    return {"name": "x", "type": model_pb2.TENSOR_TYPE_FLOAT32, "shape": [-1, 2], **more}


OUT = [model_pb2.SignatureTensor(name="y", type=model_pb2.TENSOR_TYPE_FLOAT32, shape=[-1])]


def signature(**more):
    return model_pb2.Signature(inputs=[model_pb2.SignatureTensor(**tensor(**more))], outputs=OUT)


def numeric(edges, counts, name="x"):
    bins = model_pb2.NumericBins(edges=edges, counts=counts)
    return model_pb2.BaselineProfile(features=[model_pb2.FeatureBaseline(name=name, numeric=bins)])


BAD_VERSIONS = [
    ({"version": "a b"}, "version"),
    ({"version": "9" * 19}, "version"),
    ({"description": "x" * 4_097}, "description"),
    ({"run_id": "x" * 129}, "run_id"),
    ({"run_id": "two\nlines"}, "run_id"),
    ({"metrics": struct(auc=float("nan"))}, "metrics.auc"),
    ({"metrics": struct(note="nul\x00")}, "metrics.note"),
    ({"metrics": struct(note="x" * 40_000)}, "metrics"),
    ({"signature": model_pb2.Signature()}, "signature.inputs"),
    ({"signature": signature(type=0)}, "signature.inputs[0].type"),
    ({"signature": signature(type=99)}, "signature.inputs[0].type"),
    ({"signature": signature(columns=[model_pb2.SignatureColumn(name="a")])}, "signature.inputs[0].columns"),
    ({"signature": signature(name="x" * 70_000)}, "signature"),
    ({"baseline_profile": numeric([1.0, 2.0], [1, 1])}, "baseline_profile.features[0].numeric.counts"),
    ({"baseline_profile": numeric([2.0, 1.0], [1, 1, 1])}, "baseline_profile.features[0].numeric.edges"),
    ({"baseline_profile": numeric([0.0] * 33_000, [])}, "baseline_profile"),
    (
        {"baseline_profile": numeric([1.0], [1, 1], name="unknown"), "signature": signature()},
        "baseline_profile.features[0].name",
    ),
    (
        {"baseline_profile": model_pb2.BaselineProfile(window_start=Timestamp(seconds=2**60))},
        "baseline_profile.window_start",
    ),
]


async def test_each_bad_part_of_a_version_is_named(ann):
    model = await ann.register()
    for more, field in BAD_VERSIONS:
        assert await refusal(ann, pb.CreateVersionRequest(model_id=model.id, **more)) == field
    assert (await refusal(ann, pb.CreateVersionRequest(model_id=model.id, metrics=deep(12)))).startswith("metrics.m.m")
    assert not (await ann(pb.ListVersionsRequest(model_id=model.id))).versions
    assert (await ann.create(model)).version.version == "1"


async def test_a_wrong_digest_makes_a_failed_version_with_its_reason(ann, store):
    version = await ann.upload(await ann.register())
    request = pb.ConfirmVersionUploadRequest(version_id=version.id, expected_digest="sha256:" + "0" * 64)
    failed = (await ann(request)).version
    assert failed.status == pb.VERSION_STATUS_FAILED
    assert "expected was sha256:000" in failed.failure_reason
    assert (await ann(pb.GetVersionRequest(id=version.id))).version == failed
    with pytest.raises(FailedPrecondition):
        await ann.promote(version, pb.MODEL_STAGE_STAGING)


async def test_a_missing_upload_is_a_precondition_that_says_what_to_do(ann):
    created = await ann.create(await ann.register())
    with pytest.raises(FailedPrecondition, match="PUT the artifact to the upload URL") as refused:
        await ann(pb.ConfirmVersionUploadRequest(version_id=created.version.id))
    assert refused.value.reason == "UPLOAD_MISSING"


async def test_taken_names_are_typed_errors(ann):
    model = await ann.register()
    with pytest.raises(AlreadyExists) as taken:
        await ann.register()
    assert taken.value.reason == "MODEL_EXISTS"
    await ann.create(model, version="1.0")
    with pytest.raises(AlreadyExists) as taken:
        await ann.create(model, version="1.0")
    assert taken.value.reason == "VERSION_EXISTS"


async def test_a_service_says_for_which_team_it_acts(registry):
    assert await refusal(registry.as_service("pipeline", acting=""), pb.ListModelsRequest()) == "fp-on-behalf-of-team"


async def test_a_position_that_no_write_answered_is_refused(ann):
    assert await refusal(ann, pb.ListModelsRequest(), position="x") == "fp-position"


async def test_a_token_of_another_list_is_refused(ann):
    for name in ("a", "b", "c"):
        await ann.register(name, framework="onnx")
    first = await ann(pb.ListModelsRequest(pagination=page(size=1)))
    token = first.pagination.next_page_token
    other = pb.ListModelsRequest(framework_filter="onnx", pagination=page(token))
    assert await refusal(ann, other) == "pagination.page_token"


async def test_without_the_object_store_a_confirmation_is_unavailable(start):
    replica = await start(s3_endpoint="http://127.0.0.1:9")
    caller = replica.engineer()
    version = await caller.upload(await caller.register())
    with pytest.raises(Unavailable):
        await caller(pb.ConfirmVersionUploadRequest(version_id=version.id))
    assert (await replica.get("/readyz")).json()["status"] == "degraded"
