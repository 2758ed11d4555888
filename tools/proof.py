"""One proof, or one part of a proof that is long: python tools/proof.py NAME [PART]; without a name the list of them.

A proof, and each part, is meant to end within 30 minutes on two quiet cores: whoever changes a service runs its own.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROOFS = ROOT / "tests" / "proof"
EVERY = "all"
# Those whose tests are of one table or service each.
_BY_PART = {"ten_million", "edge_replicas"}


def names() -> list[str]:
    """Of all proofs."""
    return sorted(path.stem.removeprefix("test_") for path in PROOFS.glob("test_*.py"))


def parts(name: str) -> list[str]:
    """Of a proof that is too long to run as a whole; none for any other."""
    if name == "clock":
        tested = sorted(path.parents[0] for path in ROOT.glob("*/*/tests"))
        return [path.name for path in tested if path.parent.name in {"libs", "services", "examples"}] + ["cli"]
    if name in _BY_PART:
        asked = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", _file(name)]
        listed = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [EVERY, *dict.fromkeys(re.findall(r"\[(\S+)\]$", listed, re.MULTILINE))]
    return []


def _file(name: str) -> str:
    return f"tests/proof/test_{name}.py"


def _refused(head: str, *lines: str) -> int:
    print(head, *(f"  {line}" for line in lines), sep="\n")
    return 2


def main(name: str = "", part: str = "") -> int:
    """Run it. 2 when there is no such proof or part; else what pytest answers."""
    if name not in names():
        return _refused("make proof NAME=<name>, with one of", *names())
    known = parts(name)
    if part and not known:
        return _refused(f"{name} has no parts")
    if known and part not in known:
        return _refused(f"make proof NAME={name} PART=<part>, with one of", *known)
    command = [sys.executable, "-m", "pytest", "-q", "-s", _file(name)]
    environment = dict(os.environ)
    if name in _BY_PART and part != EVERY:
        command += ["-k", f"[{part}]"]
    if name == "clock":
        (folder,) = (path.parent for path in [*ROOT.glob(f"*/{part}/tests"), *ROOT.glob(f"{part}/tests")])
        environment["FP_CLOCK_TESTS"] = str(folder.relative_to(ROOT))
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
