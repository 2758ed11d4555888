"""What a model learns from: the same flights however often it is read, and nothing of the future."""

import numpy as np
import pytest
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from fp_flights import data, store, training_set
from fp_flights import views as rows_of
from fp_flights.training_set import Window

JANUARY, FEBRUARY, MARCH = "2013-01-01T00:00:00Z", "2013-02-01T00:00:00Z", "2013-03-01T00:00:00Z"
IN_FEBRUARY = np.datetime64("2013-02-10T22:00", "s")


@pytest.fixture
def window():
    return Window.parse(JANUARY, f"{IN_FEBRUARY}Z")


def known_by(flights, moment):
    """The flights that had landed by then, as the data itself says."""
    return flights.where((flights.scheduled < moment) & flights.landed() & (flights.arrival <= moment))


async def test_a_set_holds_every_flight_that_had_landed_exactly_as_the_data_has_it(session, views, winter, window):
    read = (await training_set.read(session.features, window)).flights

    expected = known_by(winter, IN_FEBRUARY)
    order, found = np.argsort(expected.key), np.argsort(read.key)
    assert len(read) == len(expected) > 1_000
    for name in ("key", "features", "late", "scheduled", "arrival"):
        np.testing.assert_array_equal(getattr(read, name)[found], getattr(expected, name)[order])


async def test_a_set_is_byte_identical_when_it_is_built_again_after_later_flights(session, views, window):
    before = await training_set.read(session.features, window)

    later = data.load().months(3).every(40)
    await store.write_flights(session, views, later)
    await store.write_outcomes(session, views, later)

    again = await training_set.read(session.features, window)
    assert again.facts() == before.facts()
    np.testing.assert_array_equal(again.flights.features, before.flights.features)
    assert (await training_set.read(session.features, Window.parse(FEBRUARY, f"{IN_FEBRUARY}Z"))).sha256 != again.sha256


async def test_no_label_from_the_future_is_in_a_set(session, views, winter, window):
    before = await training_set.read(session.features, window)
    in_the_air = winter.where((winter.scheduled < IN_FEBRUARY) & (winter.arrival > IN_FEBRUARY))
    victims = known_by(winter, IN_FEBRUARY).first(3)
    assert len(in_the_air) > 0

    # The opposite of what was known, true since long ago, and learned a day too late; and the same, true a day later.
    learned_late, true_later = rows_of.outcome_rows(victims), rows_of.outcome_rows(victims)
    for row in (*learned_late, *true_later):
        row.values["late"].number_value = 1 - row.values["late"].number_value
        row.available_at.FromJsonString("2013-02-11T22:00:00Z")
    for row in true_later:
        row.event_time.CopyFrom(row.available_at)
    for planted in (learned_late, true_later):
        await session.features.WriteFeatures(pb.WriteFeaturesRequest(feature_view_id=views.outcomes, features=planted))

    after = await training_set.read(session.features, window)
    assert not set(in_the_air.key) & set(after.flights.key)
    assert (after.flights.arrival <= IN_FEBRUARY).all()
    assert after.sha256 == before.sha256
    seen_at_last = (await training_set.read(session.features, Window.parse(JANUARY, MARCH))).flights
    chosen = np.isin(seen_at_last.key, victims.key)
    assert set(in_the_air.key) <= set(seen_at_last.key)
    assert seen_at_last.late[chosen].tolist() == (~victims.late).tolist(), "the plant would have been read"


async def test_a_cancelled_flight_has_features_and_teaches_nothing(session, views, winter):
    cancelled = winter.where(~winter.landed())
    request = pb.GetOnlineFeaturesRequest(feature_view_id=views.flights, entity_ids=cancelled.key[:10])

    assert len((await session.features.GetOnlineFeatures(request)).vectors) == 10
    read = (await training_set.read(session.features, Window.parse(JANUARY, MARCH))).flights
    assert not set(cancelled.key) & set(read.key)


async def test_flights_written_twice_are_there_once(session, views, winter, window):
    before = await training_set.read(session.features, window)

    assert await store.define(session) == views
    await store.write_flights(session, views, winter.first(500))
    await store.write_outcomes(session, views, winter.first(500))

    assert (await training_set.read(session.features, window)).facts() == before.facts()


async def test_a_set_of_no_flights_is_empty(session, views):
    read = await training_set.read(session.features, Window.parse("2012-01-01T00:00:00Z", JANUARY))

    assert len(read.flights) == 0
