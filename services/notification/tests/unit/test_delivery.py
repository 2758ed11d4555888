import pytest
from fp_notification.domain.breaker import is_fault
from fp_notification.domain.delivery import Answer, Backoff, judge
from fp_notification.domain.notifications import Status

BACKOFF = Backoff((5.0, 30.0))


def verdict(answer, attempt=1, random=0.5):
    return judge(answer, attempt, BACKOFF, lambda: random)


@pytest.mark.parametrize("code", [200, 204, 299])
def test_any_success_is_delivered(code):
    assert verdict(Answer(code)).status is Status.DELIVERED


@pytest.mark.parametrize("answer", [Answer(500), Answer(404), Answer(302), Answer(429), Answer(error="no answer")])
def test_everything_else_is_tried_again_until_the_last_attempt(answer):
    assert [verdict(answer, attempt).status for attempt in (1, 2, 3)] == [
        Status.RETRYING,
        Status.RETRYING,
        Status.FAILED,
    ]
    assert [verdict(answer, attempt).pause for attempt in (1, 2)] == [5.0, 30.0]


def test_pauses_have_jitter_around_them():
    assert [verdict(Answer(500), random=each).pause for each in (0.0, 1.0)] == [4.0, 6.0]


def test_a_receiver_may_ask_for_a_longer_pause_but_not_for_ever():
    assert verdict(Answer(429, retry_after=60.0)).pause == 60.0
    assert verdict(Answer(429, retry_after=1.0)).pause == 5.0
    assert verdict(Answer(503, retry_after=1e9)).pause == 86_400.0


def test_gone_ends_it_and_the_target():
    found = verdict(Answer(410))
    assert (found.status, found.gone) == (Status.FAILED, True)


def test_what_no_repetition_can_help_fails_at_once():
    found = verdict(Answer(error="the target is not a public https address", final=True))
    assert (found.status, found.gone, found.error) == (Status.FAILED, False, "the target is not a public https address")


def test_redirects_say_why_they_fail():
    assert "redirects are not followed" in verdict(Answer(301)).error


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Answer(), True), (Answer(500), True), (Answer(429), True), (Answer(404), False), (Answer(410), False),
        (Answer(200), False), (Answer(final=True), False),
    ],
)  # fmt: skip
def test_only_trouble_of_the_destination_counts_against_it(answer, expected):
    assert is_fault(answer) is expected
