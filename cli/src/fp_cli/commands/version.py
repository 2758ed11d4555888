"""fp version."""

import typer

from fp_cli.output import State, record, say


def add_to(app: typer.Typer) -> None:
    app.command("version")(version)


def version(
    context: typer.Context,
    client_only: bool = typer.Option(False, "--client", help="Do not ask the platform."),
) -> None:
    """Show the versions of this command and of the platform, and say when they do not fit."""
    from fp_kernel import Error
    from fp_rpc.wire import wire_revision

    from fp_cli import versions
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    found: dict[str, object] = {"client": {"version": versions.own(), "wire_revision": wire_revision()}}
    said = ""
    failure: Error | None = None
    if not client_only:
        try:
            with connect(state) as client:
                server = versions.of_platform(client)
            found["server"] = plain(server)
            said = versions.skew(versions.own(), server.version)
        except Error as error:
            failure = error
    record(state, found)
    if said:
        say(state, f"warning: {said}", aside=True)
    if failure is not None:
        raise failure
