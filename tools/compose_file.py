"""Load docker-compose.yaml as `docker compose config` does: names, types, references, with every variable given.

python tools/compose_file.py
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import go_tools

ROOT = Path(__file__).resolve().parent.parent
FILE = "docker-compose.yaml"
# Of the Go module compose-go: its program is called like the folder that it lies in, and reads no variables.
_PROGRAM = "cmd"
# A variable: with a default, with what to do where it is not set, or bare. `$$` is a dollar.
_VARIABLE = re.compile(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)(?::-([^}]*)|:\?[^}]*)?\}")
_GIVEN = "given"


def faults(root: Path) -> list[str]:
    text = (root / FILE).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, FILE).write_text(_VARIABLE.sub(lambda found: found[2] or _GIVEN, text), encoding="utf-8")
        command = [str(go_tools.tool(_PROGRAM)), "-format", "json", FILE]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        return [f"{FILE}: {done.stderr.strip()}"]
    return [f"{FILE}: {line}" for line in _undeclared(json.loads(done.stdout))]


def _undeclared(model: Mapping[str, Any]) -> Iterator[str]:
    """What a service uses and the file has nowhere: the program loads it, and an engine refuses it."""
    for name, service in model["services"].items():
        for kind in ("configs", "secrets", "volumes"):
            for used in service.get(kind) or ():
                known = used.get("type", "volume") != "volume" or used.get("source") in (model.get(kind) or {})
                if used.get("source") and not known:
                    yield f"{name}: {used['source']} is none of the {kind}"
        yield from (
            f"{name}: depends on {other}, which is no service"
            for other in service.get("depends_on") or ()
            if other not in model["services"]
        )


def main() -> int:
    try:
        found = faults(ROOT)
    except go_tools.NotBuilt as failed:
        found = [str(failed)]
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
