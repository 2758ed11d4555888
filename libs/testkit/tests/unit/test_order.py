"""Long files run first, and what shares a platform runs together."""

from pathlib import Path
from types import SimpleNamespace

from fp_testkit.order import by_kind, unit


def a_test(path, *fixtures):
    return SimpleNamespace(path=Path(path), nodeid=f"{path}::test_it", fixturenames=fixtures)


def test_what_takes_minutes_comes_first_and_files_stay_together():
    plain = a_test("services/x/tests/unit/test_a.py")
    component = a_test("services/x/tests/component/test_a.py")
    short = a_test("services/x/tests/integration/test_crash.py", "databases")
    crash = a_test("services/x/tests/integration/test_crash.py", "databases", "kill_at")
    stores = a_test("libs/x/tests/integration/test_a.py")
    platform = a_test("tests/e2e/test_a.py")
    rules = a_test("tests/architecture/test_a.py")

    ordered = by_kind([plain, rules, stores, short, crash, component, platform])

    assert ordered == [platform, short, crash, rules, component, stores, plain]


def test_of_a_kind_the_unit_with_the_most_tests_comes_first_and_each_stays_together():
    small, large = a_test("services/x/tests/unit/test_a.py"), a_test("services/x/tests/unit/test_b.py")
    alone = a_test("tests/e2e/apart/test_a.py")
    shared, command = a_test("tests/e2e/test_b.py"), a_test("tests/e2e/test_cli.py")

    ordered = by_kind([small, large, large, alone, command, shared, command, shared, shared])

    assert ordered == [shared, shared, shared, command, command, alone, large, large, small]


def test_one_worker_runs_a_file_and_one_all_rules_and_one_all_that_reads_the_flights():
    assert unit("services/x/tests/unit/test_a.py::TestA::test_b[c::d]") == "services/x/tests/unit/test_a.py"
    assert unit("tests/architecture/test_a.py::test_b") == unit("tests/architecture/test_c.py::test_d")
    flights = "examples/flights/tests/unit"
    assert unit(f"{flights}/test_a.py::test_b") == unit(f"{flights}/test_c.py::test_d")


def test_end_to_end_tests_are_on_two_platforms_and_those_apart_are_on_none_of_them():
    of_the_command = {unit(f"tests/e2e/{name}.py::test_b") for name in ("test_cli", "test_cli_people")}
    others = {unit(f"tests/e2e/{name}.py::test_b") for name in ("test_a", "test_walk")}
    apart = {unit(f"tests/e2e/apart/{name}.py::test_b") for name in ("test_a", "test_cli")}

    assert (len(of_the_command), len(others), len(apart)) == (1, 1, 2)
    assert len(of_the_command | others | apart) == 4
