"""What was recorded is counted apart from what is published, so that both can be compared."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from forgepoint.events.v1 import events_pb2 as pb
from fp_events import EncodedEvent, decode
from fp_inference.adapters.events import COUNTED
from fp_inference.adapters.made import Made
from fp_inference.adapters.spool.raw import raw
from fp_inference.adapters.spool.records import Record, Report
from fp_inference.adapters.spool.spool import Spool, SpoolFull
from fp_testkit.examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

EVENING = datetime(2013, 3, 10, 23, tzinfo=UTC)


def _prediction(team="alpha", at=EVENING, rows=1, *, failed=False):
    """Those of an odd number of rows as they were made, others with their event built."""
    if rows % 2 and not failed:
        made = Made(team, "m", "flights", "3", "r", "", "u", "", "", False, 1, at, rows, [], {}, {})
        return Record(raw(made, "layout"), None)
    payload = pb.InferenceCompleted(request_id="r", rows=rows)
    return Record(Report(team, "m", "flights", "3", failed, at, payload.SerializeToString(), rows=rows), None)


def _open(folder, *, max_bytes=1_000_000, segment_bytes=1_000):
    return Spool(Path(folder), max_bytes=max_bytes, segment_bytes=segment_bytes)


def _open_and_close(folder):
    """A process that is killed as soon as it began."""
    _open(folder, segment_bytes=300).close()


def _days(payload):
    return {each.day.ToDatetime(UTC).date(): each for each in payload.counts}


def _counted(records):
    """Rows by team and day; a count that came twice, as one."""
    found, seen = Counter(), set()
    for record in records:
        stored = record.report
        if isinstance(stored, EncodedEvent) and stored.subject == COUNTED and stored.id not in seen:
            seen.add(stored.id)
            event = decode(stored.data)
            for day, count in _days(event.payload).items():
                found[event.team, day] += count.rows
    return found


def test_a_count_says_what_was_recorded_of_each_team_and_day_and_comes_behind_it(tmp_path):
    spool = _open(tmp_path, segment_bytes=10_000)
    for record in (
        _prediction(rows=3),
        _prediction(at=EVENING + timedelta(hours=2)),
        _prediction("beta"),
        _prediction(failed=True),
    ):
        spool.append(record)
    spool.count()
    spool.count()
    *predictions, alpha, beta = [entry.record.report for entry in spool.read(100)]
    assert len(predictions) == 4
    days = _days(decode(alpha.data).payload)
    assert [(day, count.predictions, count.rows) for day, count in days.items()] == [
        (date(2013, 3, 10), 1, 3),
        (date(2013, 3, 11), 1, 1),
    ]
    assert (decode(beta.data).team, _days(decode(beta.data).payload)[date(2013, 3, 10)].rows) == ("beta", 1)


def test_what_finds_no_room_is_counted_as_lost(tmp_path):
    spool = _open(tmp_path, max_bytes=1_000)
    with pytest.raises(SpoolFull):
        for _ in range(100):
            spool.append(_prediction())
    recorded = len(spool.read(1_000))
    spool.lost("alpha", EVENING, 7)
    spool.count()
    (stored,) = [entry.record.report for entry in spool.read(10)]
    count = _days(decode(stored.data).payload)[date(2013, 3, 10)]
    assert (count.rows, count.unrecorded_rows) == (recorded, 7)


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.sampled_from(["alpha", "beta"]), st.integers(1, 3)),
        st.tuples(st.sampled_from(["count", "publish", "kill", "tear", "tear a count"])),
    ),
    max_size=60,
)


@settings(max_examples=examples(50), deadline=None)
@given(_STEPS)
def test_each_recorded_row_is_in_one_count_wherever_processes_are_killed(steps):
    with TemporaryDirectory() as folder:
        spool, published, recorded = _open(folder, segment_bytes=300), [], Counter()
        for step, *what in steps:
            match step:
                case "record":
                    team, rows = what
                    spool.append(_prediction(team, rows=rows))
                    recorded[team, EVENING.date()] += rows
                case "count":
                    spool.count()
                case "publish":
                    if entries := spool.take(7):
                        published += [entry.record for entry in entries]
                        spool.commit(entries[-1].after)
                case _:
                    spool.close()
                    newest = max(Path(folder).glob("*.spool"))
                    if step == "tear":
                        # The write in which the process was killed: its caller got no answer.
                        newest.write_bytes(newest.read_bytes() + b"\x50\0\0\0\1\2")
                    elif step == "tear a count" and not _open_and_close(folder):
                        newest = max(Path(folder).glob("*.spool"))
                        newest.write_bytes(newest.read_bytes()[:-3])
                    spool = _open(folder, segment_bytes=300)
        spool.count()
        published += list(spool.unpublished())
        spool.close()
        assert _counted(published) == recorded
