"""The start of a forked child, before its module takes over."""

import ctypes
import importlib
import importlib.util
import os
import runpy
import signal
import sys
from contextlib import suppress
from pathlib import Path

from fp_devstack.children import die_with_parent
from fp_devstack.zygote.wire import Fork

SIGNALS = (signal.SIGTERM, signal.SIGCHLD)
_PR_SET_NAME = 15
_TITLE_BYTES = 15


def become(request: Fork, parent: int, output: int) -> None:
    """Leaves the zygote behind: session, signals, output, environment, title."""
    os.setsid()
    _stand_back(request.niceness)
    die_with_parent(parent)
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(request.environment)
    os.chdir(request.folder)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_NAME, request.title.encode()[:_TITLE_BYTES], 0, 0, 0)
    sys.argv = [request.title, *request.arguments]
    # Line by line, so that what a killed process has said is in its log already.
    sys.stdout, sys.stderr = (
        open(each, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        for each in (1, 2)
    )


def _stand_back(niceness: int) -> None:
    if niceness:
        os.nice(niceness)
        # A kernel that shares the processor among sessions first looks at niceness within a session alone.
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(niceness))


def run(request: Fork) -> None:
    """Runs the module; its SystemExit and exceptions end the process as they would end an interpreter of its own."""
    entry = f"{request.module}.main"
    if _is_package(request.module) and importlib.util.find_spec(entry) is not None:
        main = getattr(importlib.import_module(entry), "main", None)
        if main is not None:
            sys.exit(main())
    runpy.run_module(request.module, run_name="__main__", alter_sys=True)


def _is_package(name: str) -> bool:
    found = importlib.util.find_spec(name)
    return found is not None and found.submodule_search_locations is not None
