"""fp version."""

from typing import TYPE_CHECKING, Any

import typer

from fp_cli.output import State, record, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fp_cli.client import Client


def add_to(app: typer.Typer) -> None:
    app.command("version")(version)


def version(
    context: typer.Context,
    client_only: bool = typer.Option(False, "--client", help="Do not ask the platform."),
) -> None:
    """Show the versions of this command, the platform and its services, and say when they do not fit.

    Those of the services are for who is logged in.
    """
    from fp_kernel import Error
    from fp_rpc.wire import wire_revision

    from fp_cli import versions
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    found: dict[str, object] = {"client": {"version": versions.own(), "wire_revision": wire_revision()}}
    said: list[str] = []
    failure: Error | None = None
    if not client_only:
        try:
            with connect(state) as client:
                server = versions.of_platform(client)
                services = _services(client)
            found["server"] = plain(server)
            found["services"] = {each.name: each.version for each in services}
            said = [each for each in (versions.skew(versions.own(), server.version),) if each]
            said += versions.skew_between(services, server.version)
        except Error as error:
            failure = error
    record(state, found)
    for each in said:
        say(state, f"warning: {each}", aside=True)
    if failure is not None:
        raise failure


def _services(client: "Client") -> "Sequence[Any]":
    """Nothing for who is not logged in: the versions of the platform itself are anybody's."""
    from fp_kernel import PermissionDenied, Unauthenticated

    from fp_cli import versions

    try:
        return versions.of_services(client)
    except (PermissionDenied, Unauthenticated):
        return ()
