"""What grows is declared, and 90 days of it fit."""

import importlib
from dataclasses import replace
from datetime import timedelta

import growth as page
import growth_model
import pytest
from fp_events.consumer.catalog import CONSUMERS
from fp_events.streams import BILLING, INFERENCE, PREDICTIONS, STREAMS, USAGE, Discard, Retention
from growth_model import DAY
from rules import growth

GIBIBYTE = 1 << 30
DAYS = 90
SERVED_FROM = 40 * DAY
# What goes to the bus past an outbox.
PAST_OUTBOX = {"INFERENCE", "PREDICTIONS", "AUDIT", "DLQ"}


@pytest.fixture
def entries(tree):
    return growth.read(tree.root)[1]


@pytest.fixture
def assumed(tree):
    return growth.read(tree.root)[0]


def named(entries, name, **changes):
    """The entries with one of them changed."""
    assert any(each.name == name for each in entries)
    return [replace(each, **changes) if each.name == name else each for each in entries]


def only(entries, name):
    return next(each for each in entries if each.name == name)


def test_nothing_that_refuses_is_full_within_90_days(entries):
    result = growth_model.replay(entries, STREAMS, days=DAYS)

    assert result.refused == {}
    assert not result.lost
    for stream in STREAMS:
        if stream.discard is Discard.NEW:
            assert result.highest[stream.name] <= stream.max_bytes / 2, f"{stream.name} has no room for a bad day"


def test_statistics_drop_their_oldest_and_hold_nobody(entries):
    result = growth_model.replay(entries, STREAMS, days=DAYS)

    assert result.highest[PREDICTIONS.name] == PREDICTIONS.max_bytes
    assert result.dropped[PREDICTIONS.name] > 0
    assert all(stream.discard is Discard.OLD for stream in STREAMS if stream.name in result.dropped)


@pytest.mark.parametrize(("size", "hours"), [(4_150, 28), (5 * 1_250, 19)], ids=["batches", "single messages"])
def test_billing_may_be_away_for_so_many_hours(entries, size, hours):
    away = range(SERVED_FROM, SERVED_FROM + hours)

    result = growth_model.replay(named(entries, "INFERENCE", size=size), STREAMS, days=DAYS, away=away)

    assert result.refused == {}
    assert result.highest[INFERENCE.name] > INFERENCE.max_bytes * 0.9


def test_when_billing_is_away_for_longer_the_spool_waits_and_everything_else_goes_on(entries):
    away = range(SERVED_FROM, SERVED_FROM + 33)

    result = growth_model.replay(entries, STREAMS, days=DAYS, away=away)

    assert set(result.refused) == {INFERENCE.name}
    assert not result.lost
    assert 0 < result.spooled < only(entries, "spool/").most


def test_events_of_single_predictions_would_fill_the_stream_of_quotas_and_invoices(entries):
    """As it once was: each prediction's usage beside quotas and invoices, 512 MiB for 90 days."""
    usage, billing = only(entries, "USAGE"), only(entries, "BILLING")
    planted = named(entries, "BILLING", daily=billing.daily + 8_640_000, size=usage.size)

    result = growth_model.replay(planted, STREAMS, days=DAYS)

    assert result.refused[BILLING.name] < 3 * DAY
    assert result.waiting[BILLING.name] > 700_000_000


def test_a_stream_of_predictions_that_refuses_for_statistics_would_stop_serving(entries):
    streams = [replace(each, discard=Discard.NEW) if each == PREDICTIONS else each for each in STREAMS]

    assert PREDICTIONS.name in growth_model.replay(entries, streams, days=DAYS).refused


def test_an_age_over_before_billing_comes_back_is_seen_as_a_loss(entries):
    streams = [replace(each, max_age=timedelta(hours=6)) if each == INFERENCE else each for each in STREAMS]

    result = growth_model.replay(entries, streams, days=DAYS, away=range(SERVED_FROM, SERVED_FROM + 19))

    assert result.lost[INFERENCE.name] > 0


def test_outboxes_and_inboxes_are_bounded(entries):
    daily = {each.name: each.daily for each in entries if each.kind == "stream"}
    inbox, outbox = only(entries, "fp_inbox"), only(entries, "fp_outbox")
    # Messages a day of each consumer, and for how many days its inbox knows them.
    taken = [
        (sum(daily[stream.name] for stream in consumer.streams if stream.name != "DLQ"), consumer.retention)
        for consumer in CONSUMERS
    ]

    assert outbox.daily >= sum(number for name, number in daily.items() if name not in PAST_OUTBOX)
    assert growth_model.size_after(outbox, 10_000) < GIBIBYTE
    assert inbox.daily >= sum(number for number, _ in taken)
    assert sum(inbox.size * number * kept / timedelta(days=1) for number, kept in taken) < 4 * GIBIBYTE


def test_the_disk_of_90_days_is_stated(entries, tree):
    disk = page.disk(entries, DAYS)

    print(f"disk after {DAYS} days: {disk}")
    assert disk in (tree.root / page.PAGE).read_text()
    assert growth_model.replay(entries, STREAMS, days=DAYS).total < 500 * GIBIBYTE


def test_what_comes_once_in_twenty_predictions_or_more_ends_growing(entries, assumed):
    predictions = assumed["predictions_a_second"] * 86_400
    with_them = [each for each in entries if each.daily >= predictions / 20]

    assert len(with_them) >= 5
    for each in with_them:
        bounded = each.kind == "stream" or each.days is not None or each.most is not None
        assert bounded, f"{each.name} grows with predictions and is kept for ever"


def test_days_are_those_of_the_settings(entries):
    for each in entries:
        if each.setting:
            settings = importlib.import_module(f"fp_{each.owner}.settings")
            found = next(
                value
                for name, value in vars(settings).items()
                if name.endswith("Settings") and value.__module__ == settings.__name__
            )
            assert found.model_fields[each.setting].default == each.days, each.name


def test_the_streams_are_those_of_the_events():
    assert USAGE.discard is Discard.OLD
    assert BILLING.discard is Discard.NEW
    assert INFERENCE.retention is Retention.INTEREST


def test_the_page_is_current(tree):
    assert page.is_current(tree.root), "run: python tools/growth.py"


def test_a_changed_number_makes_the_page_stale(copied, plant):
    before = (copied.root / growth.FILE).read_text()

    plant(str(growth.FILE), before.replace("daily = 8_640_000", "daily = 9_640_000", 1))

    assert not page.is_current(copied.root)


def test_all_that_grows_is_declared_in_what_is_planted_into(copied):
    assert list(growth.undeclared(copied)) == []


PLANTS = {
    "a table": (
        "services/billing/src/fp_billing/migrations/9999_planted.sql",
        "CREATE TABLE planted (id uuid);",
        "planted",
    ),
    "a part of a table": (
        "services/billing/src/fp_billing/migrations/9999_planted.sql",
        "CREATE TABLE planted PARTITION OF usage_facts FOR VALUES FROM ('2001-01-01') TO ('2002-01-01');",
        "planted",
    ),
    "a table of every database": (
        "libs/postgres/src/fp_postgres/migrations/9999_planted.sql",
        "create table if not exists fp_planted (id uuid);",
        "fp_planted",
    ),
    "a dropped table": ("services/billing/src/fp_billing/migrations/9999_planted.sql", "DROP TABLE usage;", "usage"),
    "a key of Redis": (
        "services/inference/src/fp_inference/adapters/planted.py",
        'KEY = "fp:inference:planted:"',
        "fp:inference:planted:",
    ),
    "keys of Redis whose kind is a variable": (
        "services/inference/src/fp_inference/adapters/planted.py",
        'def key(kind: str, team: str) -> str:\n    return f"fp:inference:{kind}:{team}"\n',
        "fp:inference:",
    ),
    "a prefix of objects": (
        "services/registry/src/fp_registry/domain/planted.py",
        'def path(name: str) -> str:\n    return f"planted/{name}"\n',
        "planted/",
    ),
}


@pytest.mark.parametrize(("path", "text", "name"), PLANTS.values(), ids=PLANTS)
def test_what_grows_and_is_not_declared_is_found(copied, plant, path, text, name):
    plant(path, text)

    assert [violation.subject for violation in growth.undeclared(copied)] == [name]


def test_a_stream_that_is_not_declared_is_found(copied, plant):
    path = "libs/events/src/fp_events/streams/catalog.py"

    plant(
        path, (copied.root / path).read_text() + '\nP = Stream(\n    "PLANTED", ("fp.planted.>",), timedelta(days=1))\n'
    )

    assert [violation.subject for violation in growth.undeclared(copied)] == ["PLANTED"]
