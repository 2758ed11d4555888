"""A request of many rows is as many observations."""

import math
from datetime import UTC, datetime

import numpy as np
import pytest
from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Event
from fp_monitor.api.consumers import count_traffic
from fp_monitor.domain.baseline import LABEL, SCORE, Baseline, CategoryCells, Distribution, NumericCells
from fp_monitor.domain.counts import layout
from fp_monitor.domain.prediction import Prediction, Rows

NOW = datetime(2013, 3, 1, tzinfo=UTC)
FLIGHTS = Baseline(
    "1",
    (
        Distribution("hour", NumericCells((5.0, 10.0)), (1, 1, 1, 0)),
        Distribution("carrier", CategoryCells(("UA", "DL")), (1, 1, 0, 0)),
        Distribution("origin", CategoryCells(("JFK",)), (1, 0, 0)),
    ),
    (
        Distribution(SCORE, NumericCells((0.5,)), (1, 1, 0)),
        Distribution(LABEL, CategoryCells(("on_time", "late")), (1, 1, 0, 0)),
    ),
    labels=("on_time", "late"),
)
INPUTS, ANSWERS = layout(FLIGHTS.features), layout(FLIGHTS.answers)


def said(rows):
    return Prediction("r", "1", NOW, {"hour": 7.0, "origin": "JFK"}, 0.9, "1", {}, rows)


@pytest.mark.parametrize("hours", [[5.0, 5.1, math.inf, math.nan, -1.0], ["5", "6", "", "7", "8"]])
def test_a_column_falls_into_the_cells_of_its_values(hours):
    carriers = ["UA", "DL", "#9", "ua", "UA"]
    rows = said(Rows(5, {"hour": hours, "carrier": carriers})).input_cells(INPUTS, FLIGHTS)
    one_by_one = [
        INPUTS.row([hour if isinstance(hour, float) else None, carrier, "JFK"])
        for hour, carrier in zip(hours, carriers, strict=True)
    ]
    assert rows.tolist() == one_by_one


def test_what_has_no_rows_is_the_same_in_all_of_them_and_what_is_not_told_is_missing():
    rows = said(Rows(2, {"hour": [1.0, 11.0]})).input_cells(INPUTS, FLIGHTS)
    assert rows.tolist() == [INPUTS.row([1.0, None, "JFK"]), INPUTS.row([11.0, None, "JFK"])]


def test_each_row_has_its_answer():
    rows = said(Rows(3, {}, [0.9, 0.1, math.nan], ["late", "0", ""])).answer_cells(ANSWERS, FLIGHTS)
    assert rows.tolist() == [ANSWERS.row([0.9, "late"]), ANSWERS.row([0.1, "on_time"]), ANSWERS.row([None, None])]


def test_an_answer_to_all_rows_is_one_answer():
    assert said(Rows(3, {"hour": [1.0, 2.0, 3.0]})).answer_cells(ANSWERS, FLIGHTS).tolist() == [
        ANSWERS.row([0.9, "late"])
    ]


def test_a_prediction_of_one_row_is_one_observation():
    assert said(None).input_cells(INPUTS, FLIGHTS).tolist() == [INPUTS.row([7.0, None, "JFK"])]
    assert said(None).answer_cells(ANSWERS, FLIGHTS).tolist() == [ANSWERS.row([0.9, "late"])]


async def test_rows_are_read_from_the_event_and_a_column_of_another_length_says_nothing():
    sampled = pb.SampledRows(
        count=2,
        features=[
            pb.FeatureColumn(name="hour", numbers=[1.0, 2.0]),
            pb.FeatureColumn(name="carrier", categories=["UA", "DL"]),
            pb.FeatureColumn(name="wind", numbers=[3.0]),
        ],
        scores=[0.1, 0.2],
        labels=["late"],
    )
    found = []

    async def count(batch):
        found.extend(batch)

    payloads = [pb.InferenceCompleted(sampled_rows=sampled), pb.InferenceCompleted(rows=7)]
    await count_traffic(count)([Event("fp.inference.completed", each, "alpha", "m", "", time=NOW) for each in payloads])
    rows = found[0].prediction.rows
    assert rows.count == 2
    assert {name: [*values] for name, values in rows.features.items()} == {"hour": [1.0, 2.0], "carrier": ["UA", "DL"]}
    assert ([*rows.scores], [*rows.labels]) == ([0.1, 0.2], [])
    assert found[1].prediction.rows is None, "an event of the build before tells the first row only"


def test_cells_of_many_are_those_of_each():
    values = np.random.default_rng(4).normal(size=1_000).tolist()
    cells = NumericCells(tuple(np.linspace(-2, 2, 9)))
    assert cells.of_all(values).tolist() == [cells.of(value) for value in values]
