"""Frames in a stream of bytes."""

import pytest
from forgepoint.link.v1 import link_pb2 as pb
from fp_rpc.link.framing import BadFrame, FrameReader, pack
from hypothesis import given
from hypothesis import strategies as st

LIMIT = 10_000
frames = st.builds(
    pb.Frame,
    kind=st.sampled_from(pb.FrameKind.values()),
    call=st.integers(0, 2**64 - 1),
    body=st.binary(max_size=2_000),
    team=st.text(max_size=20),
)


@given(st.lists(frames, max_size=8), st.lists(st.integers(1, 700), max_size=60))
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(sent, cuts):
    data = b"".join(map(pack, sent))
    reader, got, at = FrameReader(LIMIT), [], 0

    for cut in (*cuts, len(data)):
        got += reader.feed(data[at : at + cut])
        at += cut

    assert got == sent


def test_a_frame_over_the_limit_is_refused_before_it_has_arrived():
    reader = FrameReader(100)

    with pytest.raises(BadFrame, match="101 bytes"):
        reader.feed((101).to_bytes(4, "little"))


def test_the_largest_frame_is_taken():
    frame = pb.Frame(body=b"x" * 90)

    assert FrameReader(len(pack(frame)) - 4).feed(pack(frame)) == [frame]


def test_bytes_that_are_no_frame_are_refused():
    with pytest.raises(BadFrame, match="no frame"):
        FrameReader(LIMIT).feed((3).to_bytes(4, "little") + b"\xff\xff\xff")
