import pytest
from fp_events import Consumer, Poison
from fp_events.consumer.failure import Verdict, delay, reason, text, verdict
from fp_kernel import (
    Aborted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)

CONSUMER = Consumer("x", ("fp.models.>",))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Poison("bad"), Verdict.PERMANENT),
        (InvalidArgument("bad"), Verdict.PERMANENT),
        (Unavailable("away"), Verdict.PASSING),
        (Aborted("race"), Verdict.PASSING),
        (Unimplemented("a peer of an earlier build"), Verdict.UNKNOWN),
        (TimeoutError(), Verdict.PASSING),
        (ConnectionResetError(), Verdict.PASSING),
        (NotFound("not yet"), Verdict.UNKNOWN),
        (FailedPrecondition("not yet"), Verdict.UNKNOWN),
        (KeyError("bug"), Verdict.UNKNOWN),
    ],
)
def test_an_error_tells_whose_fault_it_is(error, expected):
    assert verdict(error) is expected


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 5), (3, 30), (4, 120), (5, 600), (6, 600), (99, 600)])
def test_the_wait_grows_and_then_stays_with_a_fifth_of_jitter(attempt, seconds):
    waits = {delay(CONSUMER, attempt, Unavailable("away")) for _ in range(50)}
    assert len(waits) > 1
    assert all(seconds * 0.8 <= wait <= seconds * 1.2 for wait in waits)


def test_a_longer_wait_that_the_error_asks_for_is_given():
    assert delay(CONSUMER, 1, ResourceExhausted("full", retry_after=100)) >= 80


def test_the_reason_is_for_programs_and_hides_unknown_errors():
    assert (reason(InvalidArgument("x", reason="BAD_STAGE")), reason(KeyError("x"))) == ("BAD_STAGE", "INTERNAL")


def test_the_text_fits_into_a_header():
    written = text(RuntimeError("zeile\r\neins\u00fc " + "x" * 1_000))
    assert written.startswith("RuntimeError: zeile eins\\xfc")
    assert len(written) <= 512
