"""Where the wheel puts Envoy. Never by PATH: another version may be found there."""

import importlib.util
from pathlib import Path


def find() -> Path | None:
    """The program; None where the wheel has none for this platform."""
    found = importlib.util.find_spec("envoy")  # found, not imported: its start-up code is not wanted
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).parent / "_bin" / "envoy"
    return program if program.is_file() else None
