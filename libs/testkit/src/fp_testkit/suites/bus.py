"""What every bus promises."""

from fp_testkit.suites.broadcasting import BroadcastSuite
from fp_testkit.suites.burying import DeadLetterSuite
from fp_testkit.suites.competing import CompetingSuite
from fp_testkit.suites.failing import FailureSuite
from fp_testkit.suites.publishing import PublishingSuite


class BusSuite(PublishingSuite, CompetingSuite, FailureSuite, DeadLetterSuite, BroadcastSuite):
    """Everything; needs a fixture `bus` with every declared stream and no message."""
