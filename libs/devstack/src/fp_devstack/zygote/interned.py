"""The names in the code of the programs that are forked, put side by side before anything else is imported.

A child that imports its own modules counts a reference to every name in them, and copies the page on which the zygote
has that name. Where imports leave them these are hundreds of pages; side by side they are some dozens.

`python -m fp_devstack.zygote.interned` prints the names: what reads the code leaves its own traces in memory, and ends.
"""

import importlib.machinery
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

_MAIN = "main.py"


def interned() -> tuple[str, ...]:
    """The names, each a new text next to the one before it for as long as they are held; none where they cannot be
    read.
    """
    command = [sys.executable, "-P", "-m", __name__]
    read = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    return tuple(map(sys.intern, read.stdout.decode("utf-8", "surrogatepass").split("\n")))


def programs() -> Iterator[Path]:
    """The folders of the platform's packages that have a program."""
    for each in pkgutil.iter_modules():
        if each.name.startswith("fp_") and isinstance(each.module_finder, importlib.machinery.FileFinder):
            folder = Path(each.module_finder.path) / each.name
            if (folder / _MAIN).is_file():
                yield folder


def names_below(folder: Path) -> set[str]:
    """In the code of every module, from its cache where it has one; nothing is run."""
    found: set[str] = set()
    for file in folder.rglob("*.py"):
        code = importlib.machinery.SourceFileLoader(file.stem, str(file)).get_code(file.stem)
        if code is not None:
            found.update(_names(code))
    return found


def _names(code: CodeType) -> Iterator[str]:
    yield from (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars, code.co_name)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
        elif isinstance(constant, str) and constant.isidentifier():
            yield constant


if __name__ == "__main__":
    every = set[str]().union(*map(names_below, programs()))
    sys.stdout.buffer.write("\n".join(sorted(every)).encode("utf-8", "surrogatepass"))
