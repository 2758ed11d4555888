from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fp_kernel import InvalidArgument
from fp_registry.domain.baseline import (
    BaselineProfile,
    CategoryCounts,
    FeatureBaseline,
    NumericBins,
    PredictionBaseline,
    check_baseline,
)
from fp_registry.domain.model import NewModel, register
from fp_registry.domain.signature import Column, Signature, Tensor, check_served, check_signature
from fp_registry.domain.version import NewVersion, add_version
from fp_testkit.wallclock import MOMENT

OUTPUT = (Tensor("probabilities", typed=True, shape=(-1, 2)),)
PACKED = Tensor("features", typed=True, shape=(-1, 2), columns=(Column("hour"), Column("carrier", ("AA", "UA"))))
SIGNATURE = Signature((PACKED,), OUTPUT)
HOUR = FeatureBaseline("hour", NumericBins((6.0, 12.0), (1, 2, 3)))


def field_of(check, *arguments):
    with pytest.raises(InvalidArgument) as refused:
        check(*arguments)
    return refused.value.fields[0].field


def test_a_packed_tensor_names_a_feature_for_each_column():
    check_signature(SIGNATURE, "signature")
    assert SIGNATURE.features() == ["hour", "carrier"]


def test_a_tensor_without_columns_is_a_feature_by_itself_or_one_a_column():
    narrow, wide = Tensor("age", typed=True, shape=(-1, 1)), Tensor("x", typed=True, shape=(-1, 2))
    assert Signature((wide, narrow), OUTPUT).features() == ["age", "x[0]", "x[1]"]
    unknown = Signature((Tensor("x", typed=True, shape=(-1, -1)),), OUTPUT)
    assert [unknown.has_feature(name) for name in ("x", "x[0]", "x[255]", "x[256]", "x[00]", "y[0]")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]


def test_two_features_have_two_names():
    twice = Signature((Tensor("x", typed=True, shape=(-1, 2)), Tensor("x[1]", typed=True, shape=(-1,))), OUTPUT)
    assert field_of(check_signature, twice, "signature") == "signature.inputs"


def test_the_baseline_of_a_tensor_without_columns_has_the_names_that_predictions_tell():
    wide = Signature((Tensor("x", typed=True, shape=(-1, 2)),), OUTPUT)
    first, whole = (replace(HOUR, name=name) for name in ("x[0]", "x"))
    check_baseline(BaselineProfile((first,)), "baseline_profile", wide)
    refused = field_of(check_baseline, BaselineProfile((whole,)), "baseline_profile", wide)
    assert refused == "baseline_profile.features[0].name"


@pytest.mark.parametrize(
    ("inputs", "outputs", "field"),
    [
        (tuple(Tensor(f"x{n}", typed=True, shape=(-1,)) for n in range(65)), OUTPUT, "signature.inputs"),
        ((Tensor("x", typed=True, shape=(-1, *([1] * 8))),), OUTPUT, "signature.inputs[0].shape"),
        ((PACKED,), (Tensor("y", typed=True, shape=(-1, *([1] * 8))),), "signature.outputs[0].shape"),
        ((Tensor("x", typed=True, shape=(-1, 4097, 4096)),), OUTPUT, "signature.inputs[0].shape"),
    ],
)
def test_an_onnx_version_that_no_request_could_fit_is_refused(inputs, outputs, field):
    signature = Signature(inputs, outputs)
    check_signature(signature, "signature")
    assert field_of(check_served, signature, "signature") == field
    model = register(NewModel(name="wide", framework="onnx"), team="alpha", owner_id="u", now=MOMENT)
    with pytest.raises(InvalidArgument):
        add_version(model, NewVersion(signature=signature), by="u", now=MOMENT)
    other = register(NewModel(name="wide", framework="sklearn"), team="alpha", owner_id="u", now=MOMENT)
    add_version(other, NewVersion(signature=signature), by="u", now=MOMENT)


def test_an_onnx_version_at_the_limits_is_taken():
    inputs = tuple(Tensor(f"x{n}", typed=True, shape=(-1, *([1] * 7))) for n in range(64))
    check_served(Signature(inputs, OUTPUT), "signature")


@pytest.mark.parametrize(
    ("inputs", "field"),
    [
        ((), "signature.inputs"),
        ((Tensor("", typed=True, shape=(-1,)),), "signature.inputs[0].name"),
        ((Tensor("x", typed=False, shape=(-1,)),), "signature.inputs[0].type"),
        ((Tensor("x", typed=True, shape=(0,)),), "signature.inputs[0].shape"),
        ((Tensor("x", typed=True, shape=(-2,)),), "signature.inputs[0].shape"),
        ((Tensor("x", typed=True, shape=(-1,)), Tensor("x", typed=True, shape=(-1,))), "signature.inputs"),
        ((Tensor("x", typed=True, shape=(-1, 3), columns=(Column("a"),)),), "signature.inputs[0].columns"),
        ((Tensor("x", typed=True, shape=(), columns=(Column("a"),)),), "signature.inputs[0].columns"),
        ((Tensor("x", typed=True, shape=(-1, 2), columns=(Column("a"), Column("a"))),), "signature.inputs.columns"),
        ((Tensor("x", typed=True, shape=(-1, 1), columns=(Column(""),)),), "signature.inputs[0].columns[0].name"),
        (
            (Tensor("x", typed=True, shape=(-1, 1), columns=(Column("a", ("u", "u")),)),),
            "signature.inputs[0].columns[0].categories",
        ),
    ],
)
def test_a_signature_that_contradicts_itself_is_refused_by_its_part(inputs, field):
    assert field_of(check_signature, Signature(inputs, OUTPUT), "signature") == field


def test_a_signature_gives_something():
    assert field_of(check_signature, Signature((PACKED,), ()), "signature") == "signature.outputs"


@pytest.mark.parametrize(
    ("feature", "field"),
    [
        (FeatureBaseline("hour", None), "b.features[0]"),
        (FeatureBaseline("", NumericBins((), (1,))), "b.features[0].name"),
        (FeatureBaseline("month", NumericBins((), (1,))), "b.features[0].name"),
        (FeatureBaseline("hour", NumericBins((2.0, 1.0), (1, 1, 1))), "b.features[0].numeric.edges"),
        (FeatureBaseline("hour", NumericBins((1.0, 1.0), (1, 1, 1))), "b.features[0].numeric.edges"),
        (FeatureBaseline("hour", NumericBins((float("nan"),), (1, 1))), "b.features[0].numeric.edges"),
        (FeatureBaseline("hour", NumericBins((1.0, 2.0), (1, 1))), "b.features[0].numeric.counts"),
        (FeatureBaseline("hour", NumericBins((1.0,), (1, -1))), "b.features[0].numeric.counts"),
        (FeatureBaseline("hour", CategoryCounts(("a",), ())), "b.features[0].categorical.counts"),
        (FeatureBaseline("hour", CategoryCounts(("a", "a"), (1, 1))), "b.features[0].categorical.labels"),
        (FeatureBaseline("hour", CategoryCounts(("a",), (1,), -1)), "b.features[0].categorical.other_count"),
        (FeatureBaseline("hour", NumericBins((), (1,)), importance=1.5), "b.features[0].importance"),
        (FeatureBaseline("hour", NumericBins((), (1,)), importance=float("nan")), "b.features[0].importance"),
        (FeatureBaseline("hour", NumericBins((), (1,)), missing=-1), "b.features[0].missing_count"),
    ],
)
def test_a_feature_that_drift_could_not_be_measured_against_is_refused(feature, field):
    assert field_of(check_baseline, BaselineProfile((feature,)), "b", SIGNATURE) == field


def test_a_feature_is_described_once():
    assert field_of(check_baseline, BaselineProfile((HOUR, HOUR)), "b", SIGNATURE) == "b.features"


@pytest.mark.parametrize(
    ("profile", "field"),
    [
        (BaselineProfile((), PredictionBaseline(CategoryCounts(("0", "1"), (1,)))), "b.prediction.label_counts"),
        (
            BaselineProfile((), PredictionBaseline(CategoryCounts((), ()), NumericBins((1.0,), (1,)))),
            "b.prediction.scores.counts",
        ),
        (BaselineProfile((), metrics={"auc": float("inf")}), "b.metrics[auc]"),
        (BaselineProfile((), samples=-1), "b.sample_count"),
        (
            BaselineProfile((), window=(datetime(2013, 2, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC))),
            "b.window_end",
        ),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused_by_its_part(profile, field):
    assert field_of(check_baseline, profile, "b", None) == field


def test_a_whole_profile_is_accepted():
    check_baseline(
        BaselineProfile(
            (HOUR, FeatureBaseline("carrier", CategoryCounts(("AA", "UA"), (3, 2), 1), importance=0.4, missing=2)),
            PredictionBaseline(CategoryCounts(("on time", "late"), (4, 2)), NumericBins((0.5,), (4, 2))),
            {"auc": 0.71},
            6,
            (datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 28, tzinfo=UTC)),
        ),
        "b",
        SIGNATURE,
    )
