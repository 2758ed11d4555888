"""`python -m fp_flights`: run the story; the last line of stdout is its outcome as JSON."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

import numpy as np
from fp_kernel import Error

from fp_flights.story.calendar import END
from fp_flights.story.clock import Pace
from fp_flights.story.narrator import Narrator
from fp_flights.story.outcome import CLOSED
from fp_flights.story.platform import elsewhere, open_platform
from fp_flights.story.whole_story import StoryOptions, run_story

_ADDRESS_HELP = "of a platform elsewhere, in the place of one on this machine; FP_EMAIL and FP_PASSWORD log in"
_FLIGHTS_HELP = "replay at least so many, as a larger stride over the same months; default 50,000"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m fp_flights", description="Train, deploy, serve, watch and retrain on real flights."
    )
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("FP_DATA", ".data")), help="platform's folder")
    parser.add_argument("--address", default="", metavar="HOST:PORT", help=_ADDRESS_HELP)
    parser.add_argument("--insecure", action="store_true", help="speak clear text to another machine")
    parser.add_argument("--flights", type=_count, default=os.environ.get("FLIGHTS") or None, help=_FLIGHTS_HELP)
    parser.add_argument("--until", type=_day, default=END, help="end of the replay, a day of 2013; default 2013-10-01")
    parser.add_argument("--haste", type=float, default=1.0, help="let the story's clock go so many times faster")
    parser.add_argument("--keep", action="store_true", help="leave the platform running")
    arguments = parser.parse_args()
    folder = arguments.data.absolute()
    narrator = Narrator()
    try:
        pace = Pace().times(arguments.haste)
        options = StoryOptions(flights=arguments.flights, end=arguments.until, pace=pace, leave_running=arguments.keep)
        where = elsewhere(arguments.address, os.environ, insecure=arguments.insecure) if arguments.address else folder
        outcome = asyncio.run(run_story(where, narrator, options))
        if arguments.keep and not arguments.address:
            asyncio.run(_farewell(folder, narrator))
    except Error as error:
        narrator.console.print(f"[red]error:[/red] {error.message}")
        sys.stdout.write(json.dumps({"status": "failed", "error": error.message}) + "\n")
        return 1
    sys.stdout.write(json.dumps(outcome.document()) + "\n")
    return 0 if outcome.status == CLOSED else 1


def _count(text: str) -> int:
    """Raises ValueError for what is no number of flights."""
    if (count := int(text)) < 1:
        raise ValueError(text)
    return count


def _day(text: str) -> np.datetime64:
    """Midnight in New York. Raises ValueError for what is no day."""
    return np.datetime64(text, "D") + np.timedelta64(4, "h")


async def _farewell(folder: Path, narrator: Narrator) -> None:
    access = (await open_platform(folder, narrator)).access
    narrator.say(f"gRPC {access.address}, HTTP {access.http_url}, login {access.email} / {access.password}")
    narrator.say(f"let fp know it: fp up --data {folder}; stop it with: fp down --data {folder}")


if __name__ == "__main__":
    sys.exit(main())
