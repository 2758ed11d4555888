"""Write the templates of the edge from the protos, their Access options, the gateway's routes and the services.

python tools/edge_config.py          writes deploy/edge/src/fp_edge/templates
python tools/edge_config.py --check  exits 1 when a committed file differs
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge_parts import bootstrap, certificates, clusters, listeners, routes

ROOT = Path(__file__).resolve().parent.parent
_WIDTH = 600
FOLDER = Path("deploy") / "edge" / "src" / "fp_edge" / "templates"


def render(root: Path) -> Mapping[str, str]:
    """Each file's text by its name."""
    documents = {
        "bootstrap.json": bootstrap.document(),
        **certificates.documents(),
        "clusters.json": clusters.document(),
        "listeners.json": listeners.document(),
        "routes.json": routes.document(root),
    }
    return {name: _text(document) for name, document in documents.items()}


def _text(document: Any) -> str:
    return _lines(document, 0) + "\n"


def _lines(node: Any, depth: int) -> str:
    """What fits on a line stands on one, so that a route is read, and differs, as a line."""
    line = json.dumps(node)
    if len(line) + depth <= _WIDTH or not isinstance(node, dict | list):
        return line
    inner = " " * (depth + 1)
    if isinstance(node, dict):
        parts = [f"{inner}{json.dumps(name)}: {_lines(value, depth + 1)}" for name, value in node.items()]
        return "{\n" + ",\n".join(parts) + f"\n{' ' * depth}}}"
    return "[\n" + ",\n".join(inner + _lines(value, depth + 1) for value in node) + f"\n{' ' * depth}]"


def stale(root: Path) -> list[str]:
    """The names of committed files that differ from what the code gives."""
    return [
        name
        for name, text in render(root).items()
        if not (root / FOLDER / name).is_file() or (root / FOLDER / name).read_text() != text
    ]


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        for name in (found := stale(ROOT)):
            print(f"{FOLDER / name} is stale: run python tools/edge_config.py")
        return 1 if found else 0
    (ROOT / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, text in render(ROOT).items():
        (ROOT / FOLDER / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
