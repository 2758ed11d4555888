"""The tree of commands."""

import os
import sys

import typer

from fp_cli.address import is_address
from fp_cli.arguments import helped, hoisted
from fp_cli.commands import (
    audit,
    billing,
    contexts,
    declared,
    doctor,
    events,
    experiments,
    features,
    invoices,
    keys,
    lineage,
    models,
    monitors,
    notifications,
    pipelines,
    plans,
    predict,
    predictions,
    roles,
    routes,
    runs,
    second_factor,
    secrets,
    service_accounts,
    session,
    sessions,
    signing_keys,
    stack,
    teams,
    usage,
    users,
    version,
    why,
)
from fp_cli.failures import reporting
from fp_cli.formats import CHOICES, Format, parse
from fp_cli.output import State

app = typer.Typer(
    name="fp",
    help="Train, register, deploy, serve and watch models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _address(value: str) -> str:
    if value and not is_address(value):
        raise typer.BadParameter(f"{value!r} is not host:port, such as 127.0.0.1:9090.")
    return value


def _format(text: str) -> Format:
    try:
        return parse(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


@app.callback()
def options(
    context: typer.Context,
    address: str = typer.Option(
        "", envvar="FP_ADDRESS", callback=_address, help="Gateway, host:port; default: where you logged in."
    ),
    output: str = typer.Option(
        "table",
        "-o",
        "--output",
        metavar="FORMAT",
        help="How to print: table, json, yaml or jsonpath=TEMPLATE.",
        autocompletion=lambda: CHOICES,
    ),
    name: str = typer.Option("", "--context", envvar="FP_CONTEXT", help="Which platform; default: the current one."),
    timeout: float = typer.Option(30.0, min=0.001, help="Seconds to wait for an answer."),
    ca_file: str = typer.Option(
        "",
        "--ca-file",
        envvar="FP_CA_FILE",
        metavar="FILE",
        help="Authority that the platform's certificate must be of.",
    ),
    insecure: bool = typer.Option(False, "--insecure", help="Speak clear text to another machine."),
) -> None:
    context.obj = State(
        address=address, output=_format(output), timeout=timeout, context=name, ca_file=ca_file, insecure=insecure
    )


stack.add_to(app)
session.add_to(app)
version.add_to(app)
doctor.add_to(app)
declared.add_to(app)
app.add_typer(contexts.app, name="context")
app.add_typer(users.app, name="users")
app.add_typer(second_factor.app, name="second-factor")
app.add_typer(sessions.app, name="sessions")
app.add_typer(teams.app, name="teams")
app.add_typer(keys.app, name="keys")
app.add_typer(roles.app, name="roles")
app.add_typer(service_accounts.app, name="service-accounts")
app.add_typer(signing_keys.app, name="signing-keys")
app.add_typer(audit.app, name="audit")
app.add_typer(secrets.app, name="secrets")
app.add_typer(models.app, name="models")
app.add_typer(pipelines.app, name="pipelines")
predict.add_to(app)
app.add_typer(predictions.app, name="predictions")
why.add_to(app)
app.add_typer(routes.app, name="routes")
app.add_typer(routes.circuits, name="circuits")
app.add_typer(routes.deployments, name="deployments")
app.add_typer(features.app, name="features")
app.add_typer(experiments.app, name="experiments")
app.add_typer(runs.app, name="runs")
app.add_typer(monitors.app, name="monitors")
lineage.add_to(app)
usage.add_to(app)
app.add_typer(plans.app, name="plans")
app.add_typer(invoices.app, name="invoices")
app.add_typer(billing.app, name="billing")
app.add_typer(notifications.app, name="notifications")
app.add_typer(events.app, name="events")


def main() -> None:
    """Run `fp`; see `failures` for its exit codes."""
    # gRPC writes about failed handshakes by itself; `handshake` says what is wrong with them.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(reporting(lambda: app(args=helped(hoisted(sys.argv[1:])), prog_name="fp")))
