"""The tests that touch time, at the dates that break software: ends of months and years, and changes of the clocks."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.proof
ROOT = Path(__file__).resolve().parents[2]
NEW_YORK = "America/New_York"
# The last two are minutes before 02:00 and 01:00 of the clock that is changed, which the tests run across.
MOMENTS = {
    "31 January": ("2027-01-31T12:00:00+00:00", "UTC"),
    "29 February": ("2028-02-29T12:00:00+00:00", "UTC"),
    "31 December 23:58": ("2027-12-31T23:58:00+00:00", "UTC"),
    "summer time begins": ("2027-03-14T01:58:00-05:00", NEW_YORK),
    "summer time ends": ("2027-11-07T01:58:00-04:00", NEW_YORK),
}


@pytest.mark.parametrize(("moment", "zone"), MOMENTS.values(), ids=MOMENTS)
def test_what_touches_time_passes_at(moment, zone):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--workers", "2"]
    folders = os.environ.get("FP_CLOCK_TESTS", "libs services cli examples").split()
    began = time.monotonic()
    done = subprocess.run(
        [*command, "-m", "clock and not real_time", *folders],
        cwd=ROOT,
        env=os.environ | {"FP_TEST_MOMENT": moment, "TZ": zone},
        capture_output=True,
        text=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    print(json.dumps({
        "proof": "clock",
        "moment": moment,
        "zone": zone,
        "passed": int(passed.group(1)) if passed else 0,
        "seconds": round(time.monotonic() - began),
    }))  # fmt: skip
    if done.returncode == pytest.ExitCode.NO_TESTS_COLLECTED:
        pytest.skip("no test there touches time, or each needs the machine's")
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    assert passed is not None
