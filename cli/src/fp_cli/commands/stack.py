"""fp up, down, status, logs, rotate-stores: the platform on this machine."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from fp_cli.cells import duration, printable
from fp_cli.output import State, document, done, record, rows, say

if TYPE_CHECKING:
    from fp_supervisor import SupervisorClient

_PROCESS = ("name", "state", "restarts", "memory", "uptime", "pid", "address", "kind")
MEBIBYTE = 1024 * 1024

DATA = typer.Option(None, "--data", envvar="FP_DATA", help="Folder of stores, ports and passwords.")


def add_to(app: typer.Typer) -> None:
    app.command("up")(up)
    app.command("down")(down)
    app.command("status")(status)
    app.command("logs")(logs)
    app.command("rotate-stores")(rotate_stores)


def folder(state: State, given: Path | None, *, new: bool = False) -> Path:
    """`--data`, else FP_DATA, else what the context names, else the XDG data folder.

    new: whether the context may be one that is not there yet. Raises NotFound.
    """
    from fp_cli import context as contexts

    if given is not None:
        return given.absolute()
    if known := contexts.load(state.context, new=new).data_folder:
        return Path(known)
    root = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(root) / "forgepoint"


def _client(data: Path) -> "SupervisorClient":
    from fp_supervisor import SupervisorClient
    from fp_supervisor.launch import SOCKET

    return SupervisorClient(data / SOCKET)


def up(
    context: typer.Context,
    data: Path = DATA,
    wait: float = typer.Option(60.0, min=0, help="Seconds to wait until everything is ready."),
    tls: bool = typer.Option(False, "--tls", help="Speak TLS everywhere, with an authority of this folder's own."),
    public: bool = typer.Option(False, "--public", help="Listen on every address of this machine; needs --tls."),
) -> None:
    """Start the platform; one that runs already is left as it is."""
    from fp_cli import platform

    state: State = context.obj
    if public and not tls:
        raise typer.BadParameter("would send passwords in clear text; give --tls as well.", param_hint="--public")
    target = folder(state, data, new=True)
    platform.check(target)
    access = platform.start(target, wait, tls=tls, public=public)
    platform.remember(target, access, state.context)
    facts = {
        "address": access.address,
        "http_address": access.http_address,
        "nats_url": access.nats_url,
        "data_folder": str(target),
        "ca_file": access.ca_file,
        "plain_stores": list(access.plain_stores),
        "email": access.email,
        "password": access.password,
    }
    trusted = ("ca_file",) if access.ca_file else ()
    record(state, facts, ("address", "http_address", "data_folder", *trusted, "email", "password"))
    if access.plain_stores:
        say(state, f"\nin clear text, on 127.0.0.1 alone, built without TLS: {', '.join(access.plain_stores)}")
    say(state, f"\nlog in: fp login --email {access.email}")


def down(context: typer.Context, data: Path = DATA) -> None:
    """Stop the platform; data, ports and passwords stay."""
    import asyncio

    from fp_kernel import Unavailable

    state: State = context.obj
    target = folder(state, data)
    try:
        asyncio.run(_client(target).shutdown())
    except Unavailable:
        done(state, f"nothing runs in {target}", stopped=False, data_folder=str(target))
        return
    done(state, f"stopped; the data stays in {target}", stopped=True, data_folder=str(target))


def rotate_stores(
    context: typer.Context,
    data: Path = DATA,
    wait: float = typer.Option(60.0, min=0, help="Seconds to wait until everything is ready again."),
) -> None:
    """Give services, `fp events` and administrators new passwords at the stores; the services are started again."""
    import asyncio

    from fp_cli import platform

    state: State = context.obj
    target = folder(state, data)

    async def rotate() -> Any:
        client = _client(target)
        await client.renew_logins()
        await client.wait_ready(wait)
        return await client.access()

    # The context has the operator's password.
    platform.remember(target, asyncio.run(rotate()), state.context)
    done(state, "the passwords at the stores are new", rotated=True, data_folder=str(target))


def status(context: typer.Context, data: Path = DATA) -> None:
    """Show readiness, restarts and memory of each process; exits 7 when something is not ready."""
    import asyncio

    from fp_kernel import Unavailable

    state: State = context.obj
    target = folder(state, data)
    try:
        found = asyncio.run(_client(target).status())
    except Unavailable:
        raise Unavailable(f"nothing runs in {target}", metadata={"next_step": "start it with `fp up`"}) from None
    items = [_process(process, people=not state.structured) for process in found.processes]
    services = sum(process.memory_bytes for process in found.processes if process.kind == "service")
    if state.structured:
        document(state, {"ready": found.ready, "phase": found.phase, "services_bytes": services, "processes": items})
    else:
        rows(state, _PROCESS, items)
        for item in items:
            if item["problem"]:
                say(state, f"{item['name']}: {printable(item['problem'])}")
        say(state, f"\n{'ready' if found.ready else 'not ready'}; the services use {services / MEBIBYTE:.0f} MiB")
    if not found.ready:
        raise SystemExit(7)


def logs(
    context: typer.Context,
    name: str = typer.Argument(help="A service or a store, as `fp status` names it."),
    data: Path = DATA,
    lines: int = typer.Option(50, "-n", "--lines", min=0),
    follow: bool = typer.Option(False, "-f", "--follow", help="Go on as it grows."),
) -> None:
    """Print the log of a process."""
    from fp_cli import logfile

    state: State = context.obj
    logfile.show(state, folder(state, data) / "logs" / f"{name}.log", lines, follow=follow)


def _process(process: Any, *, people: bool) -> dict[str, Any]:
    if not people:
        return {
            "name": process.name,
            "kind": process.kind,
            "state": process.state,
            "restarts": process.restarts,
            "memory_bytes": process.memory_bytes,
            "uptime_seconds": process.uptime_seconds,
            "pid": process.pid,
            "addresses": dict(process.addresses),
            "problem": process.problem,
        }
    return {
        "name": process.name,
        "kind": process.kind,
        "state": str(process.state).lower(),
        "restarts": process.restarts,
        "memory": f"{process.memory_bytes / MEBIBYTE:.0f} MiB",
        "uptime": duration(process.uptime_seconds),
        "pid": process.pid,
        "address": next(iter(process.addresses.values()), ""),
        "problem": process.problem,
    }
