"""`python -m fp_flights.rebuild --window-start ... --as-of ...`: build a training set again; prints a line of JSON.

The two times are those in `training_set` of a TRAIN step's output; with them the digest is the same, whatever was
written since.
"""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from fp_kernel import Error
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET

from fp_flights import training_set
from fp_flights.story.session import open_session
from fp_flights.training_set import Window


async def rebuild(folder: Path, window: Window) -> dict[str, Any]:
    """Facts of the set, read from the platform of this folder as its first administrator."""
    access = await SupervisorClient(folder / SOCKET).access()
    async with open_session(access) as session:
        return (await training_set.read(session.features, window)).facts()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fp_flights.rebuild", description="Build a training set again.")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FP_DATA", ".data")), help="platform's folder")
    parser.add_argument("--window-start", required=True, help="first scheduled departure, ISO 8601")
    parser.add_argument("--as-of", required=True, help="end of the window, and when all of it was known, ISO 8601")
    arguments = parser.parse_args()
    try:
        window = Window.parse(arguments.window_start, arguments.as_of)
        facts = asyncio.run(rebuild(arguments.data.absolute(), window))
    except (Error, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(json.dumps(facts) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
