"""Runs tests, and notes at once that one failed: what is ended at its bound cannot say it any more.

python tests/cluster/noted.py FILE...
"""

import sys
from pathlib import Path

import pytest
from layout import Layout, chosen


class Noted:
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            failure(chosen()).touch()


def failure(layout: Layout) -> Path:
    """It is there when a test has failed."""
    return layout.home / "level-one.failed"


if __name__ == "__main__":
    sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[Noted()]))
