"""Generate gen/python from proto/: messages, stubs and their types.

python tools/generate_protos.py          writes gen/python/forgepoint
python tools/generate_protos.py --check  exits 1 when the committed files differ
"""

import filecmp
import shutil
import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
OUT = ROOT / "gen" / "python"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(out: Path) -> None:
    files = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    scripts = Path(sys.executable).parent
    arguments = [
        "protoc",
        f"-I{PROTO}",
        f"-I{WELL_KNOWN}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--plugin=protoc-gen-mypy={scripts / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}",
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet,generate_concrete_servicer_stubs:{out}",
        *files,
    ]
    if protoc.main(arguments) != 0:
        raise SystemExit("protoc failed")
    package = out / "forgepoint"
    for folder in (package, *(path for path in package.rglob("*") if path.is_dir())):
        (folder / "__init__.py").touch()
    (package / "py.typed").touch()
    for empty in _without_services(package):
        empty.unlink()


def _without_services(package: Path) -> list[Path]:
    """Stub modules of files that declare no service: protoc writes them, nobody can use them."""
    return [
        path.with_suffix(suffix)
        for path in package.rglob("*_pb2_grpc.py")
        if "class " not in path.read_text()
        for suffix in (".py", ".pyi")
        if path.with_suffix(suffix).exists()
    ]


def differences(fresh: Path, committed: Path) -> list[str]:
    names = {path.relative_to(root) for root in (fresh, committed) for path in root.rglob("*") if _is_generated(path)}
    return sorted(str(name) for name in names if not _same(fresh / name, committed / name))


def _is_generated(path: Path) -> bool:
    return path.is_file() and path.suffix in {".py", ".pyi", ".typed"}


def _same(left: Path, right: Path) -> bool:
    return left.exists() and right.exists() and filecmp.cmp(left, right, shallow=False)


def main() -> int:
    if sys.argv[1:] == ["--check"]:
        with tempfile.TemporaryDirectory() as folder:
            generate(Path(folder))
            stale = differences(Path(folder) / "forgepoint", OUT / "forgepoint")
        print(*(f"stale: gen/python/forgepoint/{name}" for name in stale), sep="\n", end="")
        return 1 if stale else 0
    shutil.rmtree(OUT / "forgepoint", ignore_errors=True)
    generate(OUT)
    return 0


if __name__ == "__main__":
    sys.exit(main())
