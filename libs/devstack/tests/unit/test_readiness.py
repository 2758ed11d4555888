"""How often the supervisor asks a process whether it is ready."""

from fp_devstack.supervisor.readiness import Answer, pause

READY, NOT_READY = Answer(ready=True), Answer(ready=False)


def test_one_that_starts_is_asked_again_after_a_twentieth_of_the_time_that_it_has_taken():
    assert [pause(NOT_READY, since) for since in (0.0, 0.1, 4.0, 3_600.0)] == [0.03, 0.03, 0.2, 1.0]


def test_one_that_is_ready_is_asked_least_of_all():
    assert pause(READY, 0.0) == pause(READY, 3_600.0) == 3.0
