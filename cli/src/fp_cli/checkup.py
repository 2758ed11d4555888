"""What `fp doctor` looks at: each check is a row that says ok, warn or fail, and what to do."""

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from forgepoint.auth.v1 import auth_pb2, auth_pb2_grpc
from forgepoint.platform.v1 import platform_pb2 as pb
from forgepoint.platform.v1.platform_pb2_grpc import PlatformServiceStub
from fp_kernel import Error, FailedPrecondition, Unavailable

from fp_cli import growths, versions
from fp_cli.checkup_rows import FAIL, OK, WARN, Row, failing
from fp_cli.client import Client
from fp_cli.failures import next_step
from fp_cli.output import State

# Seconds between the clocks: tokens are judged with a minute of grace.
_SKEW_WARN, _SKEW_FAIL = 5.0, 60.0
GIBIBYTE: Final = 1024**3
# Of the data folder's disk: databases stop writing when nothing is left.
_ROOM_WARN, _ROOM_FAIL = 5 * GIBIBYTE, GIBIBYTE


def of_platform(client: Client, wire_revision: str, now: Callable[[], float] = time.time) -> Iterator[Row]:
    """Reachable, version, clock; what comes after needs a login."""
    before = now()
    try:
        found = versions.of_platform(client)
    except Error as error:
        yield failing("platform", error)
        return
    yield Row("platform", OK, f"answers at {client.address} within {(now() - before) * 1_000:.0f} ms")
    said = versions.skew(versions.own(), found.version)
    same = found.wire_revision == wire_revision
    detail = f"{found.version}, this command {versions.own()}" + ("" if same else "; their APIs differ")
    yield Row("version", WARN if said else OK, detail, said)
    apart = found.now.ToNanoseconds() / 1e9 - (before + now()) / 2
    yield clock(apart)
    yield from _login(client, found.version)


def clock(apart: float) -> Row:
    result = FAIL if abs(apart) > _SKEW_FAIL else WARN if abs(apart) > _SKEW_WARN else OK
    way = "ahead of" if apart > 0 else "behind"
    todo = "" if result == OK else "let both machines set their clocks by NTP"
    return Row("clock", result, f"the platform's is {abs(apart):.1f} s {way} this one's", todo)


def _login(client: Client, platform: str) -> Iterator[Row]:
    try:
        request = auth_pb2.GetCurrentUserRequest()
        claims = client.call(auth_pb2_grpc.AuthServiceStub(client.channel).GetCurrentUser, request).claims
        yield Row("login", OK, f"{claims.email or claims.name or claims.user_id}, {claims.role} of {claims.team}")
        services = versions.of_services(client)
    except Error as error:
        yield Row("login", WARN, error.message, next_step(error))
        return
    apart = versions.skew_between(services, platform)
    todo = "an upgrade is under way, or was not brought to its end: restart what is behind" if apart else ""
    known = sum(bool(each.version) for each in services)
    detail = "; ".join(apart) or f"{known} of {len(services)} services say their version, and all have the same"
    yield Row("versions", WARN if apart else OK, detail, todo)
    for service in services:
        todo = "" if service.serving else f"see `fp logs {service.name}`; its stores are in the rows below"
        detail = "takes calls" if service.serving else "takes no calls"
        yield Row(f"service {service.name}", OK if service.serving else FAIL, detail, todo)


def of_machine(folder: Path) -> Iterator[Row]:
    """Of the platform on this machine: its processes and stores, its disk, its ports, what its databases hold."""
    from fp_supervisor import SupervisorClient
    from fp_supervisor.launch import SOCKET

    yield disk(folder, shutil.disk_usage(folder).free)
    client = SupervisorClient(folder / SOCKET)
    try:
        status = asyncio.run(client.status())
        access = asyncio.run(client.access())
    except Unavailable:
        yield Row("processes", WARN, f"nothing runs in {folder}", "start it with `fp up`")
        yield from ports(folder)
        return
    except Error as error:
        yield failing("processes", error)
        return
    for process in status.processes:
        state = str(process.state)
        result = OK if state == "READY" else WARN if state == "STARTING" else FAIL
        todo = "" if result == OK else f"see `fp logs {process.name}`"
        yield Row(f"process {process.name}", result, process.problem or state.lower(), todo)
    yield growths.tables(dict(access.databases))
    yield growths.spool(folder / "spool")


def elsewhere(client: Client) -> Iterator[Row]:
    """Of a platform on another machine, as its services tell an operator of it."""
    try:
        services = client.call(PlatformServiceStub(client.channel).GetGrowth, pb.GetGrowthRequest()).services
    except Error as error:
        # Nobody shall take what is not looked at for what is well.
        todo = "log in as an operator of the platform, or compare its metrics with docs/operations/growth.md"
        yield Row("growth", WARN, f"not looked at: {error.message}", todo)
        return
    yield from growths.told(services)


def disk(folder: Path, free: int) -> Row:
    result = FAIL if free < _ROOM_FAIL else WARN if free < _ROOM_WARN else OK
    todo = "" if result == OK else "make room on this disk, or give another folder by --data"
    return Row("disk", result, f"{free / GIBIBYTE:.1f} GiB are free for {folder}", todo)


def ports(folder: Path) -> Iterator[Row]:
    """Recorded ones that another program took while the platform is down."""
    from fp_supervisor.loopback import is_free, recorded

    taken = [f"{port} ({name})" for name, port in sorted(recorded(folder).items()) if not is_free(port)]
    todo = "`fp up` chooses others; addresses that were written down end" if taken else ""
    yield Row("ports", WARN if taken else OK, f"taken: {', '.join(taken)}" if taken else "all free", todo)


def of_bus(state: State) -> Iterator[Row]:
    """How full the streams are, where the address of the bus is known: on the platform's machine, or by FP_NATS_URL."""
    from fp_events import STREAMS

    from fp_cli.operator_bus import operator_bus

    async def asked() -> Row:
        async with operator_bus(state) as bus:
            return growths.streams(await bus.fill(STREAMS))

    try:
        yield asyncio.run(asked())
    except FailedPrecondition:
        # An operator elsewhere may look at the streams by their metrics.
        return
    except Error as error:
        yield failing("streams", error)
