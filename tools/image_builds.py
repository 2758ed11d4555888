"""Write what builds every image for every kind of processor, from deploy/docker/images.txt.

python tools/image_builds.py          writes deploy/docker/bake.json
python tools/image_builds.py --check  exits 1 when the committed file differs
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from generated import Generated

FOLDER = Path("deploy") / "docker"
FILE = FOLDER / "bake.json"
PLATFORMS = ("linux/amd64", "linux/arm64")
# Of laptops and tests; its base has a shell, and its programs are those of the machine that builds.
_ONE_KIND = {"stores": ("linux/amd64",)}
_COMMON = "_common"


def render(root: Path) -> str:
    return json.dumps(bake(root), indent=2, sort_keys=True) + "\n"


def bake(root: Path) -> dict[str, Any]:
    """As `docker buildx bake` reads it; variables come from the environment."""
    version = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    lines = (root / FOLDER / "images.txt").read_text(encoding="utf-8").splitlines()
    images = [line.split() for line in lines if line and not line.startswith("#")]
    defaults = {"REGISTRY": "forgepoint.local", "VERSION": version, "REVISION": "unknown", "BASE": "", "BUILD_BASE": ""}
    shared = ("VERSION", "REVISION", "BASE", "BUILD_BASE")
    common = {
        "context": ".",
        "dockerfile": str(FOLDER / "Dockerfile"),
        # Times of files, of layers and of the image: the same tree gives the same digest.
        "args": {"SOURCE_DATE_EPOCH": "0", **{name: f"${{{name}}}" for name in shared}},
        "output": ["type=image,push=true,rewrite-timestamp=true"],
        # An attestation holds the time of the build, and with it the digest of the list of images would.
        "attest": ["type=provenance,disabled=true"],
    }
    targets = {
        name: {
            "inherits": [_COMMON],
            "platforms": list(_ONE_KIND.get(name, PLATFORMS)),
            "args": {"PACKAGE": package, "MODULE": module},
            "tags": [f"${{REGISTRY}}/{name}:${{VERSION}}"],
        }
        for name, package, module in images
    }
    return {
        "group": {"default": {"targets": sorted(targets)}},
        "variable": {name: {"default": value} for name, value in defaults.items()},
        "target": {_COMMON: common, **targets},
    }


_GENERATED = Generated(FILE, render, "image_builds")
is_current = _GENERATED.is_current

if __name__ == "__main__":
    sys.exit(_GENERATED.main())
