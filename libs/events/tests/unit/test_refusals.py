import logging

from fp_events import refusals
from fp_events.refusals import Refusals


def test_a_refused_subject_is_logged_once_and_no_more_of_them_than_is_kept(caplog, monkeypatch):
    monkeypatch.setattr(refusals, "_MOST_TOLD", 3)
    heard = []
    found = Refusals()
    found.watch(heard.append)

    with caplog.at_level(logging.ERROR):
        for number in (1, 1, 2, 3, 4, 5):
            assert found.take(Exception(f'nats: Permissions Violation for Publish to "$JS.ACK.A.b.{number}"'))

    assert len(caplog.records) == 3
    assert len(heard) == 6
