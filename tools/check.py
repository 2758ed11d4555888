"""Everything that is checked without running a service: format, lint, types, protos, contract, generated files.

    python tools/check.py

Runs all checks and exits 1 when one fails, so that one run shows everything there is to mend.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
# Tests are not typed: what they call is. Of proofs, which run seldom, the calls are looked at.
TYPED = [
    *sorted(str(path) for path in ROOT.glob("*/*/src")),
    str(ROOT / "cli" / "src"),
    "tools",
    "bench",
    "tests/proof",
]


def checks(image: str) -> list[tuple[str, list[str]]]:
    python = sys.executable
    return [
        ("format", [f"{BIN}/ruff", "format", "--check", "--quiet", "."]),
        ("lint", [f"{BIN}/ruff", "check", "--quiet", "."]),
        ("types", [f"{BIN}/mypy", *TYPED]),
        ("imports", [f"{BIN}/lint-imports", "--no-cache"]),
        # Two rooms that move at once leave a test behind that no longer finds what it imports.
        ("tests can be loaded", [f"{BIN}/pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "."]),
        ("proto format", [f"{BIN}/buf", "format", "--diff", "--exit-code"]),
        ("proto lint", [f"{BIN}/buf", "lint"]),
        ("proto breaking", [python, "tools/breaking.py"]),
        ("proto image", [f"{BIN}/buf", "build", "-o", image]),
        ("contract", [python, "tools/check_contract.py", image]),
        ("generated code", [python, "tools/generate_protos.py", "--check"]),
        ("permissions page", [python, "tools/permissions.py", "--check"]),
        ("edge", [python, "tools/edge_config.py", "--check"]),
        ("topology", [python, "tools/topology.py", "--check"]),
        ("rights at NATS", [python, "tools/subjects.py", "--check"]),
        ("recipe of images", [f"{BIN}/hadolint", "deploy/docker/Dockerfile"]),
        ("compose file", [python, "tools/compose_file.py"]),
        ("builds of images", [python, "tools/image_builds.py", "--check"]),
        ("chart", [python, "tools/chart.py"]),
        ("page of growth", [python, "tools/growth.py", "--check"]),
        ("page of upgrades", [python, "tools/upgrade.py", "--check"]),
        ("lock", [f"{ROOT}/.uv/bin/uv", "lock", "--check", "--quiet"]),
    ]


def main() -> int:
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command in checks(f"{folder}/image.binpb"):
            result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            print(f"{'ok  ' if result.returncode == 0 else 'FAIL'} {name}", flush=True)
            if result.returncode != 0:
                failed.append(name)
                print(result.stdout, result.stderr, sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
