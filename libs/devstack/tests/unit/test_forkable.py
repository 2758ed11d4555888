"""What the zygote does so that children copy few of its pages."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
from fp_devstack.zygote import interned, preload

PROGRAM = Path(__file__).parents[1] / "programs" / "forkable.py"


def ran(*arguments):
    """How many objects the zygote took, and of a hundred new ones of each size how many lie among old ones."""
    answer = subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=True)
    taken, *among = map(int, answer.stdout.split())
    return taken, among


def test_what_a_child_makes_lies_on_pages_of_its_own():
    taken, among = ran("filled")

    assert len(among) == 30
    assert max(among) < 10  # what the program itself let go of meanwhile
    assert taken < 50_000  # a thousand free places of each size, and those that every interpreter has


def test_it_would_lie_between_the_zygotes_objects():
    assert min(ran()[1]) == 100


def test_names_of_all_modules_below_a_folder_are_read_without_running_them(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "one.py").write_text("raise RuntimeError\nclass Shape:\n    def area(self, width): return self.side\n")
    (tmp_path / "inner" / "two.py").write_text("KIND = 'an_identifier'\nOTHER = 'not one'\n")

    found = interned.names_below(tmp_path)

    assert {"Shape", "area", "width", "side", "KIND", "an_identifier"} <= found
    assert "not one" not in found


def test_the_names_of_every_service_are_held():
    names = interned.interned()

    assert {"PromoteVersion", "IssueJobToken"} <= set(names)
    assert all(sys.intern(str(name)) is name for name in names)


def told(program, *arguments):
    command = [sys.executable, PROGRAM.with_name(program), *arguments]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return list(map(int, answer.stdout.split()))


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="another C library than glibc")
def test_what_a_child_allocates_lies_behind_what_the_zygote_has():
    assert min(told("heaped.py")) > 90
    assert max(told("heaped.py", "filled")) < 10  # what the interpreter let go of meanwhile


def test_where_there_is_a_collector_children_share_what_speaks_to_it():
    assert preload.shared({}) == preload.SHARED
    assert preload.shared({preload.COLLECTOR: "http://o"}) == (*preload.SHARED, *preload.TRACED)
    program = f"""
import importlib, sys
import fp_telemetry
for each in {preload.TRACED}:
    importlib.import_module(each)
before = set(sys.modules)
fp_telemetry.setup("x", otlp_endpoint="http://127.0.0.1:1").shutdown()
sys.stdout.write(" ".join(sorted(name for name in set(sys.modules) - before if name.startswith("opentelemetry"))))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout == "", "a service imports more by itself"
