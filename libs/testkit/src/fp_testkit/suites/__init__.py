"""Contract suites: what a port promises, as tests that every adapter of it passes.

A suite is a class; a test module subclasses it and gives the adapter as a fixture:

    class TestMemoryBus(BusSuite):
        @pytest.fixture
        def bus(self) -> MemoryBus:
            return MemoryBus()
"""

from fp_testkit.suites.broadcasting import BroadcastSuite
from fp_testkit.suites.burying import DeadLetterSuite
from fp_testkit.suites.competing import CompetingSuite
from fp_testkit.suites.failing import FailureSuite
from fp_testkit.suites.publishing import PublishingSuite


class BusSuite(PublishingSuite, CompetingSuite, FailureSuite, DeadLetterSuite, BroadcastSuite):
    """Everything; needs a fixture `bus` with every declared stream and no message."""
