"""What a second process compiles while the tests are collected."""

import importlib.util
from pathlib import Path

from _pytest.assertion import rewrite
from fp_testkit.ahead import compile_backwards


def compiled(file):
    return rewrite._read_pyc(file, rewrite.get_cache_dir(file) / (file.name[:-3] + rewrite.PYC_TAIL))


def written(folder, *names):
    files = [folder / name for name in names]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_text("def test_it():\n    assert 1 == 1\n")
    return files


def test_tests_are_rewritten_and_other_files_compiled(tmp_path, pytestconfig):
    test, shared, plain, hidden = written(tmp_path, "test_a.py", "conftest.py", "program.py", ".tmp/test_b.py")

    compile_backwards(pytestconfig, [tmp_path])

    assert "@pytest_ar" in compiled(test).co_names
    assert compiled(shared) is not None
    assert Path(importlib.util.cache_from_source(plain)).exists()
    assert compiled(hidden) is None


def test_it_begins_at_the_end_and_stops_where_it_meets_what_is_compiled(tmp_path, pytestconfig):
    first, met, last = written(tmp_path, "test_a.py", "test_b.py", "test_c.py")
    compile_backwards(pytestconfig, [met])

    compile_backwards(pytestconfig, [tmp_path])

    assert compiled(last) is not None
    assert compiled(first) is None


def test_a_file_that_cannot_be_compiled_is_left_to_who_imports_it(tmp_path, pytestconfig):
    (tmp_path / "program.py").write_text("def\n")

    compile_backwards(pytestconfig, [tmp_path])

    assert not list(tmp_path.rglob("*.pyc"))
