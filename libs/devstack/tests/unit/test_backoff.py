from fp_devstack.supervisor.backoff import BackoffPolicy


def test_the_delay_doubles_up_to_the_longest():
    policy = BackoffPolicy(first=0.1, factor=2, longest=1.0)

    assert [policy.delay(n) for n in (1, 2, 3, 4, 5, 1000)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_process_that_ran_long_enough_starts_the_series_anew():
    policy = BackoffPolicy(healthy=10)

    assert policy.failures(5, uptime=9.9) == 6
    assert policy.failures(5, uptime=10) == 1
