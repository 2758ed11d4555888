"""A second process compiles the files of a run from the last one on, while the first one imports them from the first.

In a fresh clone nothing is compiled, which takes longer than everything else that the collection does.
"""

import importlib.util
import os
import py_compile
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from _pytest.assertion import rewrite
from fp_devstack.children import die_with_parent

_SKIPPED = {"gen", "node_modules"}


def start(config: pytest.Config) -> int | None:
    """The process that does it, for `end`; None where nothing compiled is kept."""
    if sys.dont_write_bytecode:
        return None
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    # Whatever it has not done the parent does, and tells what is wrong with it.
    with suppress(BaseException):
        die_with_parent(parent)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        compile_backwards(config, [Path(config.invocation_params.dir, each.partition("::")[0]) for each in config.args])
    os._exit(0)


def end(pid: int | None) -> None:
    """Everything is imported: what is not compiled yet nobody needs."""
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def compile_backwards(config: pytest.Config, folders: Iterable[Path]) -> None:
    """Until the first test file that is compiled already."""
    state = config.stash[rewrite.assertstate_key]
    for file in _backwards(folders):
        is_test = file.name.startswith("test_")
        if not is_test and file.name != "conftest.py":
            _compile(file)
            continue
        folder = rewrite.get_cache_dir(file)
        compiled = folder / (file.name[:-3] + rewrite.PYC_TAIL)
        if rewrite._read_pyc(file, compiled) is None:  # noqa: SLF001 -- what its import hook does but for the import
            folder.mkdir(exist_ok=True)
            source_hash, code = rewrite._rewrite_test(file, config)  # noqa: SLF001
            rewrite._write_pyc(state, code, source_hash, compiled)  # noqa: SLF001
        elif is_test:
            return


def _compile(file: Path) -> None:
    if not Path(importlib.util.cache_from_source(file)).exists():
        with suppress(py_compile.PyCompileError):
            py_compile.compile(str(file), doraise=True)


def _backwards(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in reversed(list(folders)):
        if folder.is_file():
            yield folder
        for file in sorted(folder.rglob("*.py"), reverse=True):
            if not any(part.startswith(".") or part in _SKIPPED for part in file.relative_to(folder).parts):
                yield file
