"""The chain of the audit log: whatever is changed in it shows, and where."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from fp_auth.domain.audit import Break, Chain, Checkpoint, Head, Record, Verification, resource_of
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2013, 3, 1, 12, tzinfo=UTC)
CHAIN = Chain(b"k" * 32)
TEXTS = st.text(max_size=5)
RECORDS = st.builds(
    Record,
    id=st.uuids().map(str),
    occurred_at=st.datetimes(min_value=datetime(2013, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 -- hypothesis adds the zone
    team=TEXTS,
    service=TEXTS,
    method=TEXTS,
    actor_id=TEXTS,
    actor_role=TEXTS,
    api_key_id=TEXTS,
    status=TEXTS,
    resource_id=TEXTS,
    address=st.binary(max_size=5),
    suppressed=st.integers(min_value=0, max_value=2**63 - 1),
    correlation_id=TEXTS,
)
FIELDS = st.sampled_from([name for name in Record.__dataclass_fields__ if name not in ("occurred_at", "suppressed")])


def record(number=0):
    return Record(
        f"id-{number}", NOW, "team", "auth", "/s/M", "actor", "admin", "", "OK", "resource", b"address", 0, "call"
    )


def chained(count, day=NOW):
    return CHAIN.extend(CHAIN.begin(day.date()), [record(number) for number in range(count)], day)


def verify(entries, head, before=None, checkpoints=()):
    verification = Verification(CHAIN, head, before, checkpoints)
    verification.read(entries)
    return verification.end()


@given(st.lists(RECORDS, max_size=6))
def test_what_was_chained_is_intact(records):
    entries, head = CHAIN.extend(CHAIN.begin(NOW.date()), records, NOW)

    assert verify(entries, head) is None
    assert [entry.number for entry in entries] == list(range(1, len(records) + 1))


@given(st.lists(RECORDS, min_size=1, max_size=5), st.data(), FIELDS)
def test_a_changed_field_shows_at_its_entry(records, data, field):
    entries, head = CHAIN.extend(CHAIN.begin(NOW.date()), records, NOW)
    place = data.draw(st.integers(0, len(entries) - 1))
    old = getattr(entries[place].record, field)
    changed = replace(entries[place].record, **{field: old + (b"x" if isinstance(old, bytes) else "x")})
    entries[place] = replace(entries[place], record=changed)

    assert verify(entries, head).number == place + 1


@given(RECORDS, st.data())
def test_two_fields_cannot_exchange_what_lies_between_them(record, data):
    moved = data.draw(st.text(min_size=1, max_size=3))
    one = replace(record, team=record.team + moved)
    other = replace(record, service=moved + record.service)

    assert (
        CHAIN.extend(CHAIN.begin(NOW.date()), [one], NOW)[1] != CHAIN.extend(CHAIN.begin(NOW.date()), [other], NOW)[1]
    )


@pytest.mark.parametrize("place", [0, 1, 3, 4])
def test_a_deleted_entry_shows_at_its_place(place):
    entries, head = chained(5)

    assert verify([*entries[:place], *entries[place + 1 :]], head).number == place + 1


def test_two_entries_that_changed_places_show():
    entries, head = chained(5)
    first, second = (
        replace(entries[2], number=entries[1].number),
        replace(entries[1], number=entries[2].number),
    )

    assert verify([entries[0], first, second, *entries[3:]], head) == Break(2, "was changed, moved or added")


def test_an_entry_that_somebody_added_behind_the_last_shows():
    entries, head = chained(3)
    forged, _ = Chain(b"x" * 32).extend(head, [record(9)], NOW)

    assert verify([*entries, *forged], head).number == 4


def test_a_log_that_was_cut_together_with_its_head_shows_by_its_checkpoint():
    entries, head = chained(5)
    known = Checkpoint(head.day, 4, entries[3].mac)
    cut, cut_head = entries[:3], replace(head, number=3, mac=entries[2].mac)

    assert verify(cut, cut_head) is None
    assert verify(cut, cut_head, checkpoints=[known]) == Break(4, "a checkpoint knows of 4 entries, 3 are here")


def test_a_checkpoint_of_another_chain_shows_at_its_place():
    entries, head = chained(3)

    assert verify(entries, head, checkpoints=[Checkpoint(head.day, 2, b"m" * 32)]).number == 2


def test_a_new_day_begins_where_the_one_before_ended():
    _, friday = chained(3)
    entries, saturday = CHAIN.extend(friday, [record(7)], NOW + timedelta(days=1))

    assert (saturday.day, saturday.seed, saturday.number) == (date(2013, 3, 2), friday.mac, 1)
    assert verify(entries, saturday, before=friday) is None
    assert verify(entries, saturday, before=replace(friday, mac=b"m" * 32)).number == 0


def test_a_replica_whose_clock_is_behind_does_not_go_back_to_the_day_before():
    _, saturday = CHAIN.extend(chained(1)[1], [record()], NOW + timedelta(days=1))

    entries, _ = CHAIN.extend(saturday, [record(8)], NOW)

    assert (entries[0].day, entries[0].number) == (date(2013, 3, 2), 2)


@pytest.mark.parametrize(
    ("status", "actor", "text", "clear"),
    [
        ("OK", "actor", "flight-delay", True),
        ("NOT_FOUND", "actor", "my password 123", False),
        ("OK", "", "ada@example.com", False),
        ("OK", "actor", "ada@example.com", False),
        ("UNAUTHENTICATED", "", "typed:0123456789abcdef", True),
        ("PERMISSION_DENIED", "actor", "01890000-0000-7000-8000-000000000001", True),
        ("OK", "actor", "with\0nul", False),
        ("UNAUTHENTICATED", "", "", True),
    ],
)
def test_what_people_type_is_kept_as_a_digest(status, actor, text, clear):
    stored = resource_of(text, status=status, actor_id=actor, chain=CHAIN)

    assert (stored == text) is clear
    assert clear or stored.startswith("typed:")


def test_the_first_head_needs_the_key():
    assert CHAIN.begin(NOW.date()) != Chain(b"x" * 32).begin(NOW.date())
    assert isinstance(CHAIN.begin(NOW.date()), Head)
