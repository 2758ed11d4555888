"""Long files run first."""

from pathlib import Path
from types import SimpleNamespace

from fp_testkit.order import by_kind


def a_test(path, *fixtures):
    return SimpleNamespace(path=Path(path), fixturenames=fixtures)


def test_what_takes_minutes_comes_first_and_files_stay_together():
    unit = a_test("services/x/tests/unit/test_a.py")
    component = a_test("services/x/tests/component/test_a.py")
    short = a_test("services/x/tests/integration/test_crash.py", "databases")
    crash = a_test("services/x/tests/integration/test_crash.py", "databases", "kill_at")
    stores = a_test("libs/x/tests/integration/test_a.py")
    platform = a_test("tests/e2e/test_a.py")
    rules = a_test("tests/architecture/test_a.py")

    ordered = by_kind([unit, rules, stores, short, crash, component, platform])

    assert ordered == [short, crash, platform, component, stores, unit, rules]
