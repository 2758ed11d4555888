from datetime import UTC

from fp_kernel import SystemClock


def test_the_system_clock_is_utc_and_never_goes_back():
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert clock.monotonic() <= clock.monotonic()
