import json

import pytest
from fp_kernel import InvalidArgument
from fp_kernel.ensembles import MOST_STEPS, Source, derive, read, sources_of, write
from fp_kernel.signatures import Column, Signature, TensorSpec
from fp_kernel.tensors import ElementType
from fp_kernel.warm_ups import MOST_BYTES, MOST_SAMPLES, read_samples, samples_of
from hypothesis import given
from hypothesis import strategies as st

F32, TEXT = ElementType.FLOAT32, ElementType.STRING
DIGEST = "sha256:" + "ab" * 32
ID = "0190a000-0000-7000-8000-000000000001"


def step(name="encode", inputs=None, **more):
    return {"name": name, "version_id": ID, "digest": DIGEST, "inputs": inputs or {"x": "inputs.features"}} | more


def document(*steps, outputs=None, **more):
    return {"kind": "ensemble", "format": 1, "steps": list(steps), "outputs": outputs or {"y": "encode.y"}} | more


def parsed(*steps, **more):
    return read(json.dumps(document(*steps, **more)).encode())


def member(inputs=(("x", F32, (-1, 2)),), outputs=(("y", F32, (-1, 3)),)):
    return Signature(tuple(TensorSpec(*each) for each in inputs), tuple(TensorSpec(*each) for each in outputs))


def test_steps_stand_behind_those_that_they_need_and_levels_run_together():
    found = parsed(
        step("last", {"a": "left.y", "b": "right.y"}),
        step("left", {"x": "encode.y"}),
        step("right", {"x": "encode.y"}),
        step(),
        outputs={"y": "last.y"},
    )
    assert [[each.name for each in level] for level in found.levels] == [["encode"], ["left", "right"], ["last"]]
    assert read(write(found)) == found


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        (document(), "steps"),
        (document(*[step(f"s{at}") for at in range(MOST_STEPS + 1)]), "steps"),
        (document(step(), step()), "steps"),
        (document(step("inputs")), "steps"),
        (document(step("Not a name")), "steps"),
        (document(step("a", {"x": "b.y"}), step("b", {"x": "a.y"}), outputs={"y": "a.y"}), "steps"),
        (document(step("a", {"x": "a.y"}), outputs={"y": "a.y"}), "steps"),
        (document(step(), step("unused")), "steps[unused]"),
        (document(step(inputs={"x": "nobody.y"})), "steps[encode].inputs[x]"),
        (document(step(inputs={"x": "features"})), "steps[0].inputs[x]"),
        (document(step(), outputs={"y": "nobody.y"}), "outputs[y]"),
        (document(step(), outputs={"y": 7}), "outputs[y]"),
        (document(step(digest="md5:1")), "steps[0].digest"),
        (document(step(version_id="three")), "steps[0].version_id"),
        (document(step(more=1)), "steps[0].more"),
        (document(step(), format=2), "format"),
        (document(step(), surprise=1), "ensemble.surprise"),
        ({"kind": "ensemble"}, "ensemble.format"),
        ([], "ensemble"),
        (document("encode"), "steps[0]"),
    ],
)
def test_what_breaks_a_rule_is_named(changed, field):
    with pytest.raises(InvalidArgument) as refused:
        read(json.dumps(changed).encode())
    assert refused.value.fields[0].field == field


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["kind", "format", "steps", "outputs", "name", "inputs"]), inner, max_size=4
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_nothing_else_than_a_refusal_comes_of_what_is_no_ensemble(content):
    with pytest.raises(InvalidArgument):
        read(content)


def test_the_signature_follows_from_the_steps():
    ensemble = parsed(
        step(),
        step("score", {"e": "encode.y", "age": "inputs.age"}),
        outputs={"label": "score.label", "embedding": "encode.y", "age": "inputs.age"},
    )
    named = Signature((TensorSpec("x", F32, (-1, 2), (Column("hour"), Column("day"))),), member().outputs)
    score = member((("e", F32, (-1, 3)), ("age", F32, (-1, 1))), (("label", TEXT, (-1,)),))
    found = derive(ensemble, {"encode": named, "score": score})
    assert found.inputs == (
        TensorSpec("features", F32, (-1, 2), (Column("hour"), Column("day"))),
        TensorSpec("age", F32, (-1, 1)),
    )
    assert [(each.name, each.element, each.shape) for each in found.outputs] == [
        ("label", TEXT, (-1,)),
        ("embedding", F32, (-1, 3)),
        ("age", F32, (-1, 1)),
    ]


def test_an_input_that_two_steps_take_has_the_narrower_shape_and_may_be_left_out_when_both_allow_it():
    ensemble = parsed(step(), step("other", {"x": "inputs.features"}), outputs={"y": "encode.y", "z": "other.y"})
    wide = Signature((TensorSpec("x", F32, (-1, -1), optional=True),), member().outputs)
    narrow = Signature((TensorSpec("x", F32, (-1, 2), optional=True),), member().outputs)
    (found,) = derive(ensemble, {"encode": wide, "other": narrow}).inputs
    assert (found.shape, found.optional) == ((-1, 2), True)
    (found,) = derive(ensemble, {"encode": wide, "other": member()}).inputs
    assert not found.optional


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (member((("x", ElementType.INT64, (-1, 3)),)), "takes int64, is given float32"),
        (member((("x", F32, (-1, 4)),)), "takes the shape"),
        (member((("x", F32, (-1,)),)), "takes the shape"),
        (member((("x", F32, (-1, 3)), ("more", F32, (-1,)))), "is missing"),
        (member((("other", F32, (-1, 3)),)), "is not an input of step second; it takes other"),
    ],
)
def test_tensors_that_do_not_fit_are_named(second, says):
    ensemble = parsed(step(), step("second", {"x": "encode.y"}), outputs={"y": "second.y"})
    with pytest.raises(InvalidArgument, match=says) as refused:
        derive(ensemble, {"encode": member(), "second": second})
    assert refused.value.fields[0].field.startswith("steps[second].inputs[")


def test_what_is_no_output_is_not_given_on():
    with pytest.raises(
        InvalidArgument, match=r"outputs\[y\]: comes from encode.z, which is not an output; there are y"
    ):
        derive(parsed(step(), outputs={"y": "encode.z"}), {"encode": member()})
    with pytest.raises(InvalidArgument, match=r"inputs\.other, which no step takes"):
        derive(parsed(step(), outputs={"y": "encode.y", "o": "inputs.other"}), {"encode": member()})


def test_an_output_of_which_nothing_is_known_fits_everything():
    ensemble = parsed(step(), step("second", {"x": "encode.y"}), outputs={"y": "second.y"})
    unknown = member(outputs=(("y", F32, ()),))
    assert derive(ensemble, {"encode": unknown, "second": member((("x", F32, (-1, 9)),))}).inputs


def test_a_tensor_may_be_called_anything():
    assert sources_of({"y": "encode.a.b/c:0"}, "outputs") == {"y": Source("encode", "a.b/c:0")}


SPECS = (TensorSpec("x", F32, (-1, 2)), TensorSpec("t", TEXT, (-1, 1), optional=True))


def test_samples_are_read_by_the_types_of_the_inputs_and_may_leave_the_axis_of_rows_out():
    first, second = read_samples(b'[{"x": [1, 2.5]}, {"x": [[1, 2], [3, 4]], "t": [["a"], ["b"]]}]', SPECS)
    assert (first["x"].shape, first["x"].element) == ((1, 2), F32)
    assert second["t"].strings(2) == ("a", "b")


@pytest.mark.parametrize(
    ("samples", "field"),
    [
        ([], "warm_up"),
        ({}, "warm_up"),
        ([{"x": [1.0, 2.0]}] * (MOST_SAMPLES + 1), "warm_up"),
        ([7], "warm_up[0]"),
        ([{"x": [1.0, 2.0]}, {}], "warm_up[1][x]"),
        ([{"x": [1.0]}], "warm_up[0][x].shape"),
        ([{"x": ["a", "b"]}], "warm_up[0][x]"),
        ([{"x": [1.0, 2.0], "y": [1]}], "warm_up[0][y]"),
        ([{"x": []}], "warm_up[0][x].shape"),
    ],
)
def test_a_sample_that_does_not_fit_is_named(samples, field):
    with pytest.raises(InvalidArgument) as refused:
        samples_of(samples, SPECS)
    assert refused.value.fields[0].field == field


def test_samples_are_bounded_and_json():
    for content in (b"[" + b" " * MOST_BYTES, b"{", b"\xff", b"[" * 100_000):
        with pytest.raises(InvalidArgument, match="warm_up"):
            read_samples(content, SPECS)
