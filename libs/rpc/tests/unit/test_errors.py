"""The table of errors, both ways."""

import re
from pathlib import Path

import fp_rpc
import grpc
import pytest
from fp_kernel import Error, FieldViolation, InvalidArgument, Kind, NotFound, ResourceExhausted, Unavailable
from fp_kernel.errors import BY_KIND
from fp_rpc import from_rpc_error, http_status, to_problem, to_status
from fp_rpc.client.call_context import TOKEN_REFUSED
from fp_rpc.errors import MESSAGE_TOO_LARGE
from google.rpc import status_pb2
from hypothesis import given
from hypothesis import strategies as st

# Short enough that nothing is cut: an escape is four bytes, a key has 64.
texts = st.text(max_size=16)
errors = st.builds(
    lambda cls, message, reason, fields, retry, metadata: cls(
        message, reason=reason, fields=fields, retry_after=retry, metadata=metadata
    ),
    st.sampled_from([cls for kind, cls in BY_KIND.items() if kind is not Kind.INTERNAL]),
    texts,
    st.from_regex(r"[A-Z][A-Z_]{0,30}", fullmatch=True),
    st.lists(st.builds(FieldViolation, texts, texts), max_size=5),
    st.none() | st.integers(0, 100_000).map(lambda milliseconds: milliseconds / 1_000),
    st.dictionaries(texts, texts, max_size=5),
)


def over_the_wire(error: Error) -> Error:
    code, message, status = to_status(error)
    trailers = grpc.aio.Metadata(("grpc-status-details-bin", status))
    return from_rpc_error(grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, message))


def raised(code, details, trailers=()):
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(*trailers), details)


@given(errors)
def test_an_error_comes_out_of_the_wire_as_it_went_in(error):
    back = over_the_wire(error)

    assert type(back) is type(error)
    assert vars(back) == vars(error)


@given(st.text(min_size=200), st.integers(0, 200), st.text(min_size=1))
def test_what_goes_over_the_wire_fits_into_trailers(message, violations, text):
    fields = [FieldViolation(text * 300, text * 300)] * violations
    error = ResourceExhausted(message * 50, fields=fields, metadata={text * 99: text * 999, "quota": text * 999})

    _, short, status = to_status(error)

    assert len(status) <= 4_096
    assert len(short.encode()) <= 512
    status_pb2.Status.FromString(status)


def test_every_kind_has_a_row():
    for kind, cls in BY_KIND.items():
        code, _, _ = to_status(cls("x"))
        assert code.name == kind.value
        assert 400 <= http_status(kind) <= 599


@pytest.mark.parametrize(
    ("kind", "http"),
    [
        (Kind.INVALID_ARGUMENT, 400),
        (Kind.UNAUTHENTICATED, 401),
        (Kind.PERMISSION_DENIED, 403),
        (Kind.NOT_FOUND, 404),
        (Kind.ALREADY_EXISTS, 409),
        (Kind.ABORTED, 409),
        (Kind.FAILED_PRECONDITION, 400),
        (Kind.RESOURCE_EXHAUSTED, 429),
        (Kind.CANCELLED, 499),
        (Kind.INTERNAL, 500),
        (Kind.UNIMPLEMENTED, 501),
        (Kind.UNAVAILABLE, 503),
        (Kind.DEADLINE_EXCEEDED, 504),
    ],
)
def test_a_kind_has_its_http_status(kind, http):
    assert http_status(kind) == http


def test_the_text_of_grpc_itself_is_replaced():
    error = from_rpc_error(raised(grpc.StatusCode.UNAVAILABLE, "failed to connect to ipv4:10.0.0.7:9090"))

    assert isinstance(error, Unavailable)
    assert error.message == "a peer is unavailable"


@pytest.mark.parametrize("code", [grpc.StatusCode.UNKNOWN, grpc.StatusCode.DATA_LOSS, grpc.StatusCode.INTERNAL])
def test_what_means_nothing_to_a_caller_is_internal(code):
    error = from_rpc_error(raised(code, "Traceback ..."))

    assert (error.kind, error.message) == (Kind.INTERNAL, "internal error")


def test_an_error_that_is_no_call_is_internal():
    assert from_rpc_error(grpc.RpcError()).kind is Kind.INTERNAL


@pytest.mark.parametrize("details", [b"\xff\xff", status_pb2.Status(code=5, message="x").SerializeToString()])
def test_details_that_are_not_ours_are_not_trusted(details):
    error = from_rpc_error(raised(grpc.StatusCode.NOT_FOUND, "x", [("grpc-status-details-bin", details)]))

    assert isinstance(error, NotFound)
    assert (error.message, error.reason) == ("not found", "NOT_FOUND")


@pytest.mark.parametrize("side", ["CLIENT: Received", "SERVER: Received", "CLIENT: Sent"])
def test_a_size_limit_of_grpc_itself_is_typed(side):
    error = from_rpc_error(
        raised(grpc.StatusCode.RESOURCE_EXHAUSTED, f"{side} message larger than max (20971520 vs. 16777216)")
    )

    assert error.reason == MESSAGE_TOO_LARGE
    assert error.metadata == {"size_bytes": "20971520", "limit_bytes": "16777216"}


def test_a_problem_has_the_members_of_rfc_9457_and_the_platforms_own():
    error = InvalidArgument(
        "name: must not be empty",
        reason="NAME_EMPTY",
        fields=[FieldViolation("name", "must not be empty")],
        metadata={"a": "b"},
    )

    assert to_problem(error) == {
        "type": "urn:forgepoint:error:NAME_EMPTY",
        "title": "Invalid argument",
        "status": 400,
        "detail": "name: must not be empty",
        "kind": "INVALID_ARGUMENT",
        "reason": "NAME_EMPTY",
        "error": {"code": 400, "message": "name: must not be empty"},
        "fields": [{"field": "name", "description": "must not be empty"}],
        "metadata": {"a": "b"},
    }


def test_a_problem_says_when_to_try_again():
    assert to_problem(Unavailable("x", retry_after=1.5))["retryAfter"] == 1.5
    assert "retryAfter" not in to_problem(Unavailable("x"))


def documented(heading):
    """The rows of the table below a heading of docs/errors.md."""
    page = next(parent for parent in Path(__file__).parents if (parent / "docs" / "errors.md").exists())
    text = (page / "docs" / "errors.md").read_text().split(heading, 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in text.splitlines()]
    return [row for row in rows if len(row) > 2 and row[0].isupper()]


def test_the_page_of_errors_says_what_the_table_says():
    rows = documented("# Errors")

    assert {row[0]: (row[1], int(row[2])) for row in rows} == {
        kind.value: (to_status(cls("x"))[0].name, http_status(kind)) for kind, cls in BY_KIND.items()
    }


def test_the_page_of_errors_names_every_reason_of_the_library():
    source = "".join(path.read_text() for path in Path(fp_rpc.__file__).parent.rglob("*.py"))
    written = set(re.findall(r'reason="([A-Z_]+)"', source)) | {MESSAGE_TOO_LARGE, TOKEN_REFUSED, "TOKEN_INVALID"}

    assert {row[0] for row in documented("## Reasons of the server itself")} == written
