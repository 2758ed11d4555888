"""The versions of this command and of the platform, and whether they fit."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from forgepoint.platform.v1 import platform_pb2 as pb
from forgepoint.platform.v1.platform_pb2_grpc import PlatformServiceStub
from fp_kernel import Error

from fp_cli import context as contexts
from fp_cli.cells import printable
from fp_cli.client import Client

_DAY: Final = 86_400.0
# Of the daily look, which must not make a command wait.
_SECONDS: Final = 2.0
_MOST_ADDRESSES: Final = 100


def own() -> str:
    return version("fp-cli")


def of_platform(client: Client) -> pb.GetVersionResponse:
    stub = PlatformServiceStub(client.channel)
    found: pb.GetVersionResponse = client.call(stub.GetVersion, pb.GetVersionRequest(), anonymous=True)
    return found


def skew(client: str, server: str) -> str:
    """A sentence when they are more than one minor version apart, or of another major one; empty when they fit."""
    ours, theirs = _parts(client), _parts(server)
    if ours is None or theirs is None or (ours[0] == theirs[0] and abs(ours[1] - theirs[1]) <= 1):
        return ""
    older = "this command" if ours < theirs else "the platform"
    return f"fp {client} and the platform {server} are more than one minor version apart: bring {older} up to date"


def skew_between(services: Iterable[Any], platform: str) -> list[str]:
    """A sentence for each version of services that is not the platform's; none where it is not known."""
    others: dict[str, list[str]] = {}
    for each in services:
        if each.version and each.version != platform:
            others.setdefault(each.version, []).append(each.name)
    return [
        f"{', '.join(sorted(names))}: {version}, while the gateway is {platform}"
        for version, names in sorted(others.items())
    ]


def of_services(client: Client) -> Sequence[Any]:
    stub = PlatformServiceStub(client.channel)
    found: Sequence[Any] = client.call(stub.GetStatus, pb.GetStatusRequest()).services
    return found


def _parts(text: str) -> tuple[int, int] | None:
    try:
        major, minor, *_ = text.split(".")
        return int(major), int(minor)
    except ValueError:
        return None


def warn_daily(client: Client, now: float | None = None) -> None:
    """Once a day and platform: a line on stderr when the versions do not fit. Whatever goes wrong is passed over."""
    now = time.time() if now is None else now
    file = contexts.path().with_name("versions.json")
    try:
        known = _known(file)
        if 0 <= now - known.get(client.address, 0.0) < _DAY:
            return
        newest = sorted(known.items(), key=lambda each: each[1])[-_MOST_ADDRESSES:]
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Before the question: a platform that does not answer it makes no command wait until tomorrow.
        file.write_text(json.dumps({**dict(newest), client.address: now}))
        said = skew(own(), of_platform(client.within(_SECONDS)).version)
    except (Error, OSError):
        return
    if said:
        sys.stderr.write(f"warning: {printable(said)}\n")


def _known(file: Path) -> dict[str, float]:
    """When each address was asked; nothing where the file cannot be read: it is written anew."""
    try:
        return {str(address): float(moment) for address, moment in json.loads(file.read_text()).items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError, RecursionError):
        return {}
