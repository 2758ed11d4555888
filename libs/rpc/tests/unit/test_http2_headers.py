"""Headers that HPACK packed, compared with the encoder that other servers trust."""

import pytest
from fp_rpc.http2.frames import ConnectionFailed
from fp_rpc.http2.head import head_of
from fp_rpc.http2.headers import Headers
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

names = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=20).filter(
    lambda name: not name.endswith("-bin")
)
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=300)
lists = st.lists(st.lists(st.tuples(names, values), max_size=12), max_size=12)
CALL = [(":method", "POST"), (":scheme", "http"), (":path", "/a.B/C"), ("content-type", "application/grpc")]


def pairs(entries):
    return [(name, value) for name, value, _ in entries]


def head(*fields, of=tuple(CALL)):
    return head_of(Headers().decode(Encoder().encode([*of, *fields])))


@given(lists, st.booleans(), st.sampled_from([0, 100, 4_096]))
def test_lists_come_out_as_they_went_in_however_they_are_packed(sent, huffman, table):
    packing, reading = Encoder(), Headers()
    packing.header_table_size = table

    for each in sent:
        assert pairs(reading.decode(packing.encode(each, huffman=huffman))) == each


@given(st.binary(max_size=200))
def test_bytes_that_are_no_headers_end_the_connection_and_nothing_else(block):
    try:
        entries = Headers().decode(block)
    except ConnectionFailed:
        return
    head_of(entries)


@pytest.mark.parametrize(
    "block",
    [b"\x80", b"\xff\xff\xff\xff\xff\x7f", b"\xbe", b"\x40", b"\x40\x05ab", b"\x3f\xe2\x1f", b"\x82\x20", b"\x40\x81"],
    ids=["no index", "endless number", "nothing there", "no name", "half a name", "table", "late table", "half a text"],
)
def test_what_cannot_be_read_is_said_to_be_so(block):
    with pytest.raises(ConnectionFailed):
        Headers().decode(block)


def test_a_text_may_not_end_within_a_character_of_huffman():
    # Eight zeros are the whole of `0` and three bits of the next one, which padding of ones could never be.
    with pytest.raises(ConnectionFailed):
        Headers().decode(b"\x40\x01a\x81\x00")


def test_what_left_the_table_is_not_referred_to_any_more():
    packing, reading = Encoder(), Headers()
    reading.decode(packing.encode([("first", "x" * 3_000)]))
    generation = reading.generation
    reading.decode(packing.encode([("second", "y" * 3_000)]))

    assert pairs(reading.decode(b"\xbe")) == [("second", "y" * 3_000)]
    assert reading.generation > generation
    with pytest.raises(ConnectionFailed):
        reading.decode(b"\xbf")


def test_a_few_bytes_do_not_stand_for_a_hundred_thousand():
    packing, reading = Encoder(), Headers()
    reading.decode(packing.encode([("first", "x" * 3_000)]))

    with pytest.raises(ConnectionFailed, match="too many bytes"):
        reading.decode(b"\xbe" * 40)


def test_binary_values_are_the_bytes_that_are_meant():
    assert head(("trace-bin", "AAECAw")).metadata == {"trace-bin": b"\0\1\2\3"}


@pytest.mark.parametrize(
    "fields",
    [
        [("Name", "x")],
        [("name", "a\0b")],
        [("name", "a\r\nb: c")],
        [("trace-bin", "*")],
        [("a", "b"), (":path", "/late")],
        [(":path", "/twice")],
        [(":status", "200")],
        [("grpc-timeout", "1")],
        [("grpc-timeout", "123456789S")],
    ],
    ids=["capital", "zero", "lines", "base64", "late", "twice", "status", "no unit", "long"],
)
def test_what_no_header_may_look_like_is_malformed(fields):
    assert head(*fields).malformed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2H", 7_200), ("3M", 180), ("30S", 30), ("250m", 0.25), ("7u", 7e-6), ("99999999n", 0.099999999)],
)
def test_deadlines_are_read_in_every_unit(text, seconds):
    assert head(("grpc-timeout", text)).timeout == pytest.approx(seconds)


def test_a_call_has_no_deadline_where_none_was_set_and_keeps_its_own_headers_only():
    found = head(("te", "trailers"), ("grpc-accept-encoding", "gzip"), ("user-agent", "a client"))

    assert (found.timeout, found.path, found.http, found.malformed) == (None, "/a.B/C", 200, False)
    assert found.metadata == {"user-agent": "a client"}


@pytest.mark.parametrize(
    ("method", "kind", "status"),
    [("GET", "application/grpc", 405), ("POST", "text/html", 415), ("POST", "application/grpcx", 415)],
)
def test_what_is_no_call_of_grpc_is_answered_as_http_answers_it(method, kind, status):
    of = [(":method", method), (":path", "/"), ("content-type", kind)]

    assert head(of=of).http == status


def test_of_binary_values_that_a_proxy_joined_the_last_one_holds():
    assert head(("some-bin", "AAE=, AgM")).metadata["some-bin"] == bytes([2, 3])
