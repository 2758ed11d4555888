"""Events survive the process in files of bounded size."""

import os
import struct
import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from fp_events import EncodedEvent
from fp_inference.adapters.spool.cursor import Cursor, Position, Progress
from fp_inference.adapters.spool.frames import Torn, frame, unframe
from fp_inference.adapters.spool.records import Record, pack, unpack
from fp_inference.adapters.spool.spool import Entry, Spool, SpoolFull, SpoolTaken
from fp_inference.app.values import Replay
from hypothesis import given
from hypothesis import strategies as st

_Sections = st.lists(st.binary(max_size=40), max_size=6)


def _record(number: int, *, size: int = 20, replay: Replay | None = None) -> Record:
    return Record(
        EncodedEvent(f"id-{number}", "fp.inference.completed", b"x" * size, {"ce-id": f"id-{number}"}), replay
    )


def _open(folder: Path, *, max_bytes: int = 1_000_000, segment_bytes: int = 1_000) -> Spool:
    return Spool(folder, max_bytes=max_bytes, segment_bytes=segment_bytes)


def _id(record: Record) -> str:
    return record.report.id if isinstance(record.report, EncodedEvent) else record.report.model_id


def _ids(spool: Spool, limit: int = 1_000) -> list[str]:
    return [_id(entry.record) for entry in spool.read(limit)]


def _segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.spool"))


@given(st.lists(_Sections, max_size=6), st.data())
def test_a_file_cut_anywhere_gives_the_whole_records_before_the_cut(records: list[list[bytes]], data: st.DataObject):
    frames = [frame(sections) for sections in records]
    whole = b"".join(frames)
    cut = data.draw(st.integers(0, len(whole)))
    found, offset = [], 0
    while (record := unframe(whole[:cut], offset)) is not None:
        sections, offset = record
        found.append(list(sections))
    ends = [sum(map(len, frames[: index + 1])) for index in range(len(frames))]
    assert found == records[: sum(end <= cut for end in ends)]


@given(_Sections.filter(any), st.data())
def test_a_changed_byte_is_noticed(sections: list[bytes], data: st.DataObject):
    whole = bytearray(frame(sections))
    whole[data.draw(st.integers(8, len(whole) - 1))] ^= 0xFF
    with pytest.raises(Torn):
        unframe(bytes(whole), 0)


@given(st.none() | st.builds(Replay, st.binary(max_size=8), st.binary(max_size=8), st.binary(max_size=30)))
def test_a_record_comes_back_as_it_went(replay: Replay | None):
    record = _record(1, replay=replay)
    assert unpack(pack(record)) == record


def test_a_cursor_that_was_not_written_whole_means_the_beginning(tmp_path: Path) -> None:
    cursor = Cursor(tmp_path / "cursor")
    beginning, later = (Progress(Position(number, 0), Position(number, 500)) for number in (0, 3))
    beginning = replace(beginning, taken=Position(0, 0))
    assert cursor.load() == beginning
    cursor.save(later)
    assert cursor.load() == later
    raw = bytearray((tmp_path / "cursor").read_bytes())
    raw[8] ^= 1
    (tmp_path / "cursor").write_bytes(raw)
    assert cursor.load() == beginning
    cursor.close()


def test_a_cursor_of_the_release_before_is_read(tmp_path: Path) -> None:
    body = struct.pack("<QQ", 3, 500)
    (tmp_path / "cursor").write_bytes(body + struct.pack("<I", zlib.crc32(body)))
    cursor = Cursor(tmp_path / "cursor")
    assert cursor.load() == Progress(Position(3, 500), Position(3, 500))
    cursor.close()


def test_records_are_read_in_order_across_segments(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(100):
        spool.append(_record(number))
    assert len(_segments(tmp_path)) > 5
    assert _ids(spool, 7) == [f"id-{number}" for number in range(7)]
    assert _ids(spool) == [f"id-{number}" for number in range(7, 100)]
    assert _ids(spool) == []
    spool.append(_record(100))
    assert _ids(spool) == ["id-100"]
    spool.close()


def test_what_is_not_committed_is_read_again_by_the_next_process(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(50):
        spool.append(_record(number))
    entries = spool.read(20)
    spool.commit(entries[-1].after)
    spool.close()
    again = _open(tmp_path)
    assert [_id(record) for record in again.unpublished()] == [f"id-{number}" for number in range(20, 50)]
    assert _ids(again) == [f"id-{number}" for number in range(20, 50)]
    assert [_id(entry.record) for entry in again.take(1)] == ["id-20"]
    again.close()


def test_a_segment_goes_when_all_of_it_is_published(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(100):
        spool.append(_record(number))
    before = spool.bytes
    entries = spool.read(100)
    spool.commit(entries[-1].after)
    assert len(_segments(tmp_path)) == 1
    assert spool.bytes < before / 5
    spool.close()


def test_a_torn_record_at_the_end_of_an_earlier_process_is_passed_over(tmp_path: Path) -> None:
    spool = _open(tmp_path, segment_bytes=100_000)
    for number in range(3):
        spool.append(_record(number))
    spool.close()
    (torn,) = _segments(tmp_path)
    torn.write_bytes(torn.read_bytes()[:-5])
    again = _open(tmp_path)
    again.append(_record(7))
    entries = again.read(100)
    assert [_id(entry.record) for entry in entries] == ["id-0", "id-1", "id-7"]
    again.commit(entries[-1].after)
    assert len(_segments(tmp_path)) == 1
    again.close()


def test_a_record_larger_than_one_read_is_read(tmp_path: Path) -> None:
    spool = _open(tmp_path, max_bytes=10_000_000)
    spool.append(_record(0, size=1_000_000))
    spool.append(_record(1))
    assert _ids(spool) == ["id-0", "id-1"]
    spool.close()


def test_a_full_spool_takes_nothing_until_something_is_published(tmp_path: Path) -> None:
    spool = _open(tmp_path, max_bytes=5_000)
    number = 0
    with pytest.raises(SpoolFull):
        while True:
            spool.append(_record(number))
            number += 1
    assert spool.bytes <= 5_000
    entries = spool.read(1_000)
    assert len(entries) == number
    spool.commit(entries[-1].after)
    spool.append(_record(number))
    assert _ids(spool) == [f"id-{number}"]
    spool.close()


def test_a_write_that_the_disk_cuts_short_leaves_no_half_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = _open(tmp_path)
    spool.append(_record(0))
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:10]))
    with pytest.raises(SpoolFull):
        spool.append(_record(1))
    monkeypatch.setattr(os, "write", write)
    spool.append(_record(2))
    assert _ids(spool) == ["id-0", "id-2"]
    spool.close()


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    with pytest.raises(SpoolTaken, match="FP_SPOOL_DIR"):
        _open(tmp_path)
    spool.close()
    _open(tmp_path).close()


_Step = st.sampled_from(["append", "publish", "fail", "restart", "tear"])


@given(st.lists(_Step, max_size=60), st.integers(1, 5))
def test_everything_appended_is_published_at_least_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], batch: int
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = _open(folder, segment_bytes=300)
    appended: list[str] = []
    published: list[str] = []
    began: list[Entry] | None = None
    for step in [*steps, *["publish"] * 60]:
        if step == "append":
            spool.append(_record(len(appended)))
            appended.append(f"id-{len(appended)}")
        elif step == "publish":
            entries = spool.take(batch)
            assert began in (None, entries)
            began = None
            published += [_id(entry.record) for entry in entries]
            if entries:
                spool.commit(entries[-1].after)
        elif step == "fail":
            entries = spool.take(batch)
            published += [_id(entry.record) for entry in entries]
            # What was taken once stays together until it is committed, however often it is taken.
            assert began in (None, entries)
            began = entries or None
        else:
            spool.close()
            if step == "tear":
                # A process that was killed in the middle of its next write.
                with _segments(folder)[-1].open("ab") as newest:
                    newest.write(frame(pack(_record(999)))[:-3])
            spool = _open(folder, segment_bytes=300)
    first_seen = list(dict.fromkeys(published))
    assert first_seen == appended
    spool.close()


def test_the_day_of_a_first_sight_is_kept_beside_the_event(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    answered = Replay(b"d", b"f", b"r")
    seen = Replay(b"e", b"f", b"", date(2013, 3, 1))
    for number, replay in enumerate((None, answered, seen)):
        spool.append(_record(number, replay=replay))
    assert [entry.record.replay for entry in spool.read(9)] == [None, answered, seen]
    spool.close()


def test_what_is_set_aside_is_bounded_and_the_newest_of_it_stays(tmp_path: Path):
    spool = Spool(tmp_path, max_bytes=1_000_000, segment_bytes=1_000, refused_bytes=1_000)
    for number in range(500):
        spool.set_aside([b"%03d" % number, b"x" * 100])

    files = [tmp_path / "refused.1", tmp_path / "refused"]
    assert sum(path.stat().st_size for path in files if path.exists()) <= 2_200
    assert b"499" in b"".join(path.read_bytes() for path in files if path.exists())


def test_a_round_is_read_some_at_a_time_and_stays_what_it_was(tmp_path: Path) -> None:
    spool = _open(tmp_path)
    for number in range(50):
        spool.append(_record(number))
    pieces = [[_id(entry.record) for entry in some] for some in spool.taking(40)]
    assert max(map(len, pieces)) <= 16
    assert [each for some in pieces for each in some] == [f"id-{number}" for number in range(40)]
    spool.append(_record(50))
    assert [[_id(entry.record) for entry in some] for some in spool.taking(100)] == pieces
    # Who stops in the middle has taken nothing else.
    next(spool.taking(100))
    assert [_id(entry.record) for entry in spool.take(100)] == [f"id-{number}" for number in range(40)]
    spool.close()
