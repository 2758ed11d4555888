"""fp usage."""

from typing import TYPE_CHECKING

import typer

from fp_cli.choices import MeterType, UsageGranularity, number
from fp_cli.commands.billing_report import END, MONTH, START, TEAM, report

if TYPE_CHECKING:
    from fp_cli.output import State

_ROW = ("period", "meter", "quantity", "cost", "until")


def add_to(app: typer.Typer) -> None:
    app.command("usage")(usage)


def usage(
    context: typer.Context,
    month: str = MONTH,
    start: str = START,
    end: str = END,
    by: UsageGranularity = typer.Option(UsageGranularity.MONTH, case_sensitive=False, help="A row for each of them."),
    meter: MeterType | None = typer.Option(None, case_sensitive=False, help="Only this one."),
    team: str = TEAM,
    limit: int = typer.Option(100, min=1, help="Months or days at most."),
) -> None:
    """Show what the team used and what it cost, by meter."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import money
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    first, last = money.period(month, start, end)
    request = billing_pb2.GetUsageRequest(
        team=team,
        period_start=first,
        period_end=last,
        meter_type_filter=number(billing_pb2.MeterType, meter),
        granularity=number(billing_pb2.UsageGranularity, by),
    )
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        summaries = [plain(each) for each in client.pages(stub.GetUsage, request, "summaries", limit)]
        # The total is of all that was asked for, whatever the page.
        request.pagination.page_token = ""
        request.pagination.page_size = 1
        total = plain(client.call(stub.GetUsage, request)).get("grand_total")
    used = [row for summary in summaries for row in money.used(summary)]
    answer = {"summaries": summaries, "grand_total": total}
    report(state, answer, _ROW, used, total=f"total {money.shown(total) or 'in several currencies'}")
