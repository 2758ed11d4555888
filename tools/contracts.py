"""Check who imports whom, by the contracts of `.importlinter`.

python tools/contracts.py         this repository
python tools/contracts.py FOLDER  another tree of the same form
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PROGRAM = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"

# Wide enough for every name of a contract and of a module: a line that is folded is not found.
_COLUMNS = "300"


def check(root: Path = ROOT, *contracts: str) -> tuple[bool, str]:
    """Whether the contracts hold, and what import-linter says.

    contracts: ids out of `.importlinter`; all by default. import-linter runs in a process of its own, whose packages
    are those of the tree and not those that are installed here.
    """
    sources = [str(path) for path in source_roots(root)]
    chosen = [argument for contract in contracts for argument in ("--contract", contract)]
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, "--config", ".importlinter", "--no-cache", "--no-logo", *chosen],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*sources, str(ROOT)]), "COLUMNS": _COLUMNS},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode == 0, result.stdout + result.stderr


def source_roots(root: Path) -> list[Path]:
    """The folders that hold import roots, generated code first."""
    patterns = ("libs/*/src", "services/*/src", "cli/src", "deploy/*/src", "examples/*/src")
    return [root / "gen" / "python", *sorted(path for pattern in patterns for path in root.glob(pattern))]


if __name__ == "__main__":
    holds, report = check(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT)
    print(report)
    sys.exit(0 if holds else 1)
