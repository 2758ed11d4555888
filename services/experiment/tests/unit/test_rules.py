"""What runs, points and parameters accept."""

from datetime import UTC, datetime

import pytest
from fp_experiment.domain.experiments import Described
from fp_experiment.domain.metrics import Point, check_points
from fp_experiment.domain.runs import DataInput, NewRun, check_params
from fp_kernel import InvalidArgument

AT = datetime(2026, 1, 1, tzinfo=UTC)


def point(key="loss", step=0):
    return Point(key, 1.0, step, AT)


@pytest.mark.parametrize(
    ("points", "field"),
    [
        ([], "points"),
        ([point(step=n) for n in range(1_001)], "points"),
        ([point(), point("")], r"points\[1\].key"),
        ([point("a\0b")], r"points\[0\].key"),
        ([point("k" * 251)], r"points\[0\].key"),
        ([point(step=-1)], r"points\[0\].step"),
        ([point(), point()], r"points\[0\].step"),
    ],
)
def test_a_bad_point_is_named(points, field):
    with pytest.raises(InvalidArgument, match=field):
        check_points(points)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ([("", "1")], r"params\[0\].key"),
        ([("a", "1"), ("b", "x\0")], r"params\[1\].value"),
        ([("a", "x" * 6_001)], r"params\[0\].value"),
        ([("a", "1"), ("a", "2")], r"params\[1\].value"),
        ([(f"p{n}", "") for n in range(1_001)], "params"),
    ],
)
def test_a_bad_parameter_is_named(params, field):
    with pytest.raises(InvalidArgument, match=field):
        check_params(params)


def test_texts_of_every_language_name_runs_and_metrics():
    NewRun(
        "e", display_name="東京\u3000駅", params=[("prix\u00a0:", "10 €")], inputs=[DataInput("vols\u00a0d'été")]
    ).check()
    check_points([point("précision\u00a0@\u202f5"), point("नुक़्सान")])
    Described("prix\u00a0: 10", "東京\u3000駅\n第二行", {"équipe": "données"}).check()
    for name in ("a\u202eb", "a\0b", "a\u200bb"):
        with pytest.raises(InvalidArgument, match=r"^name"):
            Described(name, "", {}).check()


def test_a_new_run_names_what_is_bad_of_it():
    for new, field in (
        (NewRun("e", display_name="a\nb"), "display_name"),
        (NewRun("e", model_version_id="v" * 129), "model_version_id"),
        (NewRun("e", inputs=[DataInput("")]), r"inputs\[0\].view"),
        (NewRun("e", inputs=[DataInput("v")] * 33), "inputs"),
    ):
        with pytest.raises(InvalidArgument, match=field):
            new.check()
    NewRun("e", params=[("a", "1"), ("a", "1")]).check()
