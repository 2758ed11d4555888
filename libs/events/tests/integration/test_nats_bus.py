from fp_testkit.suites import BusSuite


class TestNatsBus(BusSuite):
    """Against a real server; the fixture is the testkit's."""
