"""For operators, where a service runs: `python -m fp_postgres republish [--since TIME] [--subject PATTERN]`.

It speaks to the database of FP_DATABASE_URL, which every service with an outbox has in its environment.
"""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime

from fp_postgres.republication import republish_from


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fp_postgres")
    command = parser.add_subparsers(required=True).add_parser("republish", help="Publish events of the outbox again.")
    command.add_argument("--since", type=_time, default=datetime.min.replace(tzinfo=UTC), help="All that are stored.")
    command.add_argument("--subject", default="fp.>")
    given = parser.parse_args(arguments)
    url = os.environ.get("FP_DATABASE_URL")
    if not url:
        parser.error("FP_DATABASE_URL is not set")
    count = asyncio.run(republish_from(url, since=given.since, subject=given.subject))
    sys.stdout.write(f"{count} events go to the bus again\n")
    return 0


def _time(written: str) -> datetime:
    found = datetime.fromisoformat(written)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
