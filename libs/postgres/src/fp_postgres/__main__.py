"""For operators, where a service runs:

python -m fp_postgres migrate NOUN                              brings its database to what its code expects
python -m fp_postgres republish [--since TIME] [--subject PATTERN]

Both speak to the database of FP_DATABASE_URL, which every service with an outbox has in its environment. Where
FP_DATABASE_CA_FILE is set, they verify it by that.
"""

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

from fp_kernel import Error
from fp_kernel.trust import verified_postgres

from fp_postgres.migration import migrate
from fp_postgres.republication import republish_from


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fp_postgres")
    commands = parser.add_subparsers(required=True)
    migration = commands.add_parser("migrate", help="Apply what the database lacks, ahead of a deploy.")
    migration.add_argument("noun", help="The service, such as billing.")
    migration.set_defaults(run=_migrate)
    again = commands.add_parser("republish", help="Publish events of the outbox again.")
    again.add_argument("--since", type=_time, default=datetime.min.replace(tzinfo=UTC), help="All that are stored.")
    again.add_argument("--subject", default="fp.>")
    again.set_defaults(run=_republish)
    given = parser.parse_args(arguments)
    url = os.environ.get("FP_DATABASE_URL")
    if not url:
        parser.error("FP_DATABASE_URL is not set")
    if authorities := os.environ.get("FP_DATABASE_CA_FILE"):
        url = verified_postgres(url, Path(authorities))
    try:
        sys.stdout.write(asyncio.run(given.run(url, given)))
    except Error as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    return 0


async def _migrate(url: str, given: argparse.Namespace) -> str:
    await migrate(url, resources.files(f"fp_{given.noun}") / "migrations", service=given.noun)
    return f"the database of {given.noun} is as its code expects\n"


async def _republish(url: str, given: argparse.Namespace) -> str:
    count = await republish_from(url, since=given.since, subject=given.subject)
    return f"{count} events go to the bus again\n"


def _time(written: str) -> datetime:
    found = datetime.fromisoformat(written)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
