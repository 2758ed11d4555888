"""python -m fp_preflight [--patience SECONDS]: asks for all that the installation needs, and exits 1 with a line for
each thing that is missing.

FP_PREFLIGHT_WANTED: what each program needs, as JSON (deploy/charts/forgepoint/templates/preflight.yaml writes it).
FP_PREFLIGHT_SECRETS: folder with a folder a program, with a file a variable.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from fp_kernel import Clock, SystemClock

from fp_preflight.faults import faults
from fp_preflight.wanted import read

_AGAIN: Final = 3.0  # seconds


async def run(
    ask: Callable[[], Awaitable[list[str]]], clock: Clock, patience: float, say: Callable[[str], object]
) -> int:
    """Asks again until all is well or the patience ends: a secret that another program writes, or a store that was
    started a moment ago, is no fault. Says at once what is missing, and again when that changes.
    """
    ends, before = clock.monotonic() + patience, None
    while True:
        found = await ask()
        if not found:
            say("everything that the installation needs is there")
            return 0
        if found != before:
            say("\n".join(("missing:", *found)))
        if clock.monotonic() >= ends:
            return 1
        before = found
        await asyncio.sleep(_AGAIN)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fp_preflight")
    parser.add_argument("--patience", type=float, default=0.0, metavar="SECONDS")
    patience = parser.parse_args(arguments).patience
    wanted, folder = os.environ["FP_PREFLIGHT_WANTED"], Path(os.environ["FP_PREFLIGHT_SECRETS"])
    clock = SystemClock()

    def ask() -> Awaitable[list[str]]:
        return faults(read(wanted, folder), clock)

    return asyncio.run(run(ask, clock, patience, _say))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
