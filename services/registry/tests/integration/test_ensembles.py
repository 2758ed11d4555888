"""Versions made of versions: taken when they can be served, and what they run stays."""

import asyncio
import json

import pytest
from forgepoint.common.v1 import model_pb2
from fp_kernel import Aborted, Command, FailedPrecondition, PageRequest, Principal
from fp_kernel.ensembles import Source, Step, ordered, write
from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType
from fp_onnx import pack
from fp_registry.app.read_ports import EnsembleFilter
from fp_registry.domain.model import NewModel
from fp_registry.domain.stages import Stage, Status
from fp_registry.domain.version import Described, NewVersion
from fp_rpc.signatures import signature_from_pb, signature_to_pb
from fp_testkit.patience import PATIENCE
from onnx import TensorProto, helper

ANN = Principal("ann", "alpha", "engineer", frozenset({"models:*"}), 0.0)
BOB = Principal("bob", "beta", "engineer", frozenset({"models:*"}), 0.0)
NO_KEY = Command("alpha", "/Rpc", "", b"", lambda _: b"")
F32 = ElementType.FLOAT32
NONE = Signature()


def pair(width=2):
    return Signature((TensorSpec("x", F32, (-1, width)),), (TensorSpec("y", F32, (-1, width)),))


def onnx_file(width=2):
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", width])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", width])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


class Shop:
    """Registers versions as a member of a team does."""

    def __init__(self, desk):
        self.desk = desk

    async def model(self, name, framework="onnx", caller=ANN):
        return (await self.desk.do.register_model(NewModel(name=name, framework=framework), caller, NO_KEY)).model

    async def version(self, model, content, signature=NONE, caller=ANN):
        stored = signature_to_pb(signature).SerializeToString()
        new = NewVersion(described=Described(signature=stored))
        version = (await self.desk.do.create_version(model.id, new, caller, NO_KEY)).version
        self.desk.artifacts.objects[version.artifact_path] = content
        return version

    async def confirmed(self, model, content, signature=NONE, caller=ANN):
        version = await self.version(model, content, signature, caller)
        return await self.desk.confirm(version, caller=caller)


@pytest.fixture
def shop(roomy_desk):
    return Shop(roomy_desk)


def step(name, version, source="inputs.features", digest=""):
    before, _, tensor = source.partition(".")
    given = Source("" if before == "inputs" else before, tensor)
    return Step(name, version.id, digest or version.digest, {"x": given}, "member", version.name)


def chain(version, **more):
    return write(
        ordered([step("first", version), step("last", version, "first.y")], {"y": Source("last", "y")}, **more)
    )


async def test_an_ensemble_is_ready_with_the_signature_of_its_steps_and_says_what_it_runs(shop):
    encoder = await shop.model("encoder")
    member = await shop.confirmed(encoder, onnx_file(), pair())
    ready = await shop.confirmed(await shop.model("both"), chain(member, warm_up=[{"features": [1, 2]}]))
    assert (ready.status, ready.failure_reason) == (Status.READY, "")
    assert [(each.step, each.model, each.version_id, each.size_bytes) for each in ready.members] == [
        ("first", "encoder", member.id, member.size_bytes),
        ("last", "encoder", member.id, member.size_bytes),
    ]
    read = await shop.desk.side.records.version("alpha", ready.id)
    assert read.members == ready.members
    found = signature_from_pb(model_pb2.Signature.FromString(ready.described.signature))
    assert found == Signature((TensorSpec("features", F32, (-1, 2)),), (TensorSpec("y", F32, (-1, 2)),))
    (document,) = (await shop.desk.side.changes.after("alpha", ready.model_id, 0)).versions
    assert (document.members, document.described.signature) == (ready.members, ready.described.signature)


async def test_columns_that_the_maker_declares_stay_and_other_tensors_are_refused(shop):
    member = await shop.confirmed(await shop.model("encoder"), onnx_file(), pair())
    named = TensorSpec("features", F32, (-1, 2), (Column("hour"), Column("day")))
    declared = Signature((named,), (TensorSpec("y", F32, (-1, 2)),))
    both = await shop.model("both")
    ready = await shop.confirmed(both, chain(member), declared)
    assert signature_from_pb(model_pb2.Signature.FromString(ready.described.signature)) == declared
    failed = await shop.confirmed(both, chain(member), pair())
    assert failed.status is Status.FAILED
    assert "signature: declares other tensors" in failed.failure_reason


async def test_what_no_runtime_could_serve_fails_with_the_step_that_is_wrong(shop):
    encoder, both = await shop.model("encoder"), await shop.model("both")
    member = await shop.confirmed(encoder, onnx_file(), pair())
    wide = await shop.confirmed(encoder, onnx_file(3), pair(3))
    waiting = await shop.version(encoder, onnx_file(), pair())
    bare = await shop.confirmed(encoder, onnx_file())
    foreign = await shop.confirmed(await shop.model("theirs", caller=BOB), onnx_file(), pair(), caller=BOB)
    stored = await shop.confirmed(await shop.model("stored", "sklearn"), b"pickle", pair())
    nested = await shop.confirmed(both, chain(member))
    put_away = await shop.model("put-away")
    archived = await shop.confirmed(put_away, onnx_file(), pair())
    await shop.desk.do.archive_model(put_away.id, force=False, caller=ANN, command=NO_KEY)
    any_digest = member.digest
    for wrong, says in (
        (chain(foreign), "steps[first].version_id: is no version of the team"),
        (write(ordered([step("first", waiting, digest=any_digest)], {"y": Source("first", "y")})), "PENDING_UPLOAD"),
        (write(ordered([step("first", member, digest=wide.digest)], {"y": Source("first", "y")})), "is not that of"),
        (chain(stored), "of framework 'sklearn'"),
        (chain(archived), "which is archived"),
        (chain(nested), "is an ensemble itself; name its steps instead: encoder version 1, encoder version 1"),
        (chain(bare), "without a signature"),
        (
            write(ordered([step("first", member), step("last", wide, "first.y")], {"y": Source("last", "y")})),
            "steps[last].inputs[x]: takes the shape [-1, 3], is given [-1, 2]",
        ),
        (chain(member, warm_up=[{"features": [1, 2, 3]}]), "warm_up[0][features].shape"),
        (b'{"kind": "ensemble"}', "the uploaded artifact is no ensemble"),
        (json.dumps({"steps": ["x" * 2_000_000]}).encode(), "at most"),
    ):
        failed = await shop.confirmed(both, wrong)
        assert failed.status is Status.FAILED, says
        assert says in failed.failure_reason
        assert failed.members == ()


async def test_a_model_that_an_ensemble_runs_is_not_archived_until_the_ensemble_is(shop):
    encoder, both = await shop.model("encoder"), await shop.model("both")
    member = await shop.confirmed(encoder, onnx_file(), pair())
    ready = await shop.confirmed(both, chain(member))
    for force in (False, True):
        with pytest.raises(FailedPrecondition, match="version 1 of both is an ensemble") as refused:
            await shop.desk.do.archive_model(encoder.id, force=force, caller=ANN, command=NO_KEY)
        assert refused.value.reason == "MODEL_IN_ENSEMBLE"
    # Its own versions are no obstacle, and neither is one that is not in use any more.
    await shop.desk.do.promote_version(ready.id, Stage.ARCHIVED, ANN, NO_KEY)
    await shop.desk.do.archive_model(encoder.id, force=False, caller=ANN, command=NO_KEY)


async def test_an_ensemble_of_its_own_model_is_archived_with_it(shop):
    model = await shop.model("both")
    member = await shop.confirmed(model, onnx_file(), pair())
    await shop.confirmed(model, chain(member))
    await shop.desk.do.archive_model(model.id, force=False, caller=ANN, command=NO_KEY)


async def test_a_model_that_is_archived_while_the_ensemble_is_looked_at_is_seen(shop, side):
    encoder, both = await shop.model("encoder"), await shop.model("both")
    member = await shop.confirmed(encoder, onnx_file(), pair())
    version = await shop.version(both, chain(member))
    looked, go_on = asyncio.Event(), asyncio.Event()
    records = shop.desk.side.records
    made = records.made

    async def slowly(*arguments):
        found = await made(*arguments)
        looked.set()
        await go_on.wait()
        return found

    records.made = slowly
    async with asyncio.timeout(PATIENCE):
        confirming = asyncio.create_task(shop.desk.confirm(version))
        await looked.wait()
        await shop.desk.do.archive_model(encoder.id, force=False, caller=ANN, command=NO_KEY)
        go_on.set()
        with pytest.raises(Aborted):
            await confirming
    records.made = made
    failed = await shop.desk.confirm(version)
    assert "which is archived" in failed.failure_reason


async def uses(shop, *, archived=False, size=10, after=None, **wanted):
    page = PageRequest(size, after and (after,))
    return await shop.desk.side.records.ensembles("alpha", EnsembleFilter(archived=archived, **wanted), page)


async def test_a_version_tells_the_ensembles_that_run_it_newest_first(shop):
    encoder = await shop.model("encoder")
    one, two = [await shop.confirmed(encoder, onnx_file(), pair()) for _ in range(2)]
    both, other = await shop.model("both"), await shop.model("other")
    first, second = [await shop.confirmed(each, chain(one)) for each in (both, other)]
    third = await shop.confirmed(both, write(ordered([step("only", two)], {"y": Source("only", "y")})))

    found, after = await uses(shop, version_id=one.id)
    assert [(each.model, each.version, each.steps) for each in found] == [
        ("other", second.name, ("first", "last")),
        ("both", first.name, ("first", "last")),
    ]
    assert after == ""
    found, after = await uses(shop, model_id=encoder.id, size=2)
    assert ([each.version_id for each in found], after) == ([third.id, second.id], second.id)
    found, after = await uses(shop, model_id=encoder.id, size=2, after=after)
    assert ([each.version_id for each in found], after) == ([first.id], "")

    await shop.desk.do.promote_version(first.id, Stage.ARCHIVED, ANN, NO_KEY)
    await shop.desk.do.archive_model(other.id, force=False, caller=ANN, command=NO_KEY)
    assert (await uses(shop, version_id=one.id))[0] == []
    found, _ = await uses(shop, version_id=one.id, archived=True)
    assert [(each.stage, each.model_archived) for each in found] == [(Stage.DEV, True), (Stage.ARCHIVED, False)]


async def test_a_model_comes_back_when_what_its_ensembles_run_is_back(shop):
    encoder, both = await shop.model("encoder"), await shop.model("both")
    member = await shop.confirmed(encoder, onnx_file(), pair())
    await shop.confirmed(both, chain(member))
    for model in (both, encoder):
        await shop.desk.do.archive_model(model.id, force=False, caller=ANN, command=NO_KEY)
    with pytest.raises(FailedPrecondition, match="restore encoder first") as refused:
        await shop.desk.do.restore_model(both.id, ANN, NO_KEY)
    assert refused.value.reason == "MEMBER_ARCHIVED"
    for model in (encoder, both):
        await shop.desk.do.restore_model(model.id, ANN, NO_KEY)


async def test_an_ensemble_that_is_archived_does_not_hold_its_model_back(shop):
    encoder, both = await shop.model("encoder"), await shop.model("both")
    member = await shop.confirmed(encoder, onnx_file(), pair())
    ready = await shop.confirmed(both, chain(member))
    await shop.desk.do.promote_version(ready.id, Stage.ARCHIVED, ANN, NO_KEY)
    for model in (both, encoder):
        await shop.desk.do.archive_model(model.id, force=False, caller=ANN, command=NO_KEY)
    await shop.desk.do.restore_model(both.id, ANN, NO_KEY)


async def test_a_rollback_brings_no_ensemble_back_whose_models_are_archived(shop):
    encoder, both = await shop.model("encoder"), await shop.model("both")
    member = await shop.confirmed(encoder, onnx_file(), pair())
    composed, plain = await shop.confirmed(both, chain(member)), await shop.confirmed(both, onnx_file(), pair())
    for version in (composed, plain):
        for stage in (Stage.STAGING, Stage.PRODUCTION):
            await shop.desk.do.promote_version(version.id, stage, ANN, NO_KEY)
    await shop.desk.do.archive_model(encoder.id, force=False, caller=ANN, command=NO_KEY)
    with pytest.raises(FailedPrecondition, match="restore encoder first"):
        await shop.desk.do.rollback_model(both.id, ANN, NO_KEY)
    await shop.desk.do.restore_model(encoder.id, ANN, NO_KEY)
    back = await shop.desk.do.rollback_model(both.id, ANN, NO_KEY)
    assert back.version.id == composed.id


@pytest.mark.parametrize(
    ("samples", "says"), [(b'[{"x": [1, 2]}]', ""), (b'[{"x": [1]}]', "warm_up[0][x].shape"), (b"no", "is no JSON")]
)
async def test_samples_that_do_not_fit_their_model_fail_its_version(shop, samples, says):
    content = pack(onnx_file(), {}, samples)
    version = await shop.confirmed(await shop.model("tried"), content, pair())
    assert version.status is (Status.FAILED if says else Status.READY)
    assert says in version.failure_reason
