"""fp billing."""

import typer

from fp_cli.commands.billing_report import END, MONTH, START, TEAM, report
from fp_cli.output import State, done, record, rows

app = typer.Typer(help="Corrections of invoices, and usage compared with what was billed.", no_args_is_help=True)
_ADJUSTMENT = ("period_start", "amount", "reason", "invoiced_period_start", "created_by", "created_at", "id")
_ENTRY = ("day", "meter", "recorded", "billed", "repeated", "difference", "unrecorded", "settled")
_METER = "METER_TYPE_"


@app.command("reconciliation")
def reconciliation(
    context: typer.Context,
    month: str = MONTH,
    start: str = START,
    end: str = END,
    unsettled: bool = typer.Option(False, "--unsettled", help="Only days whose two sides are not equal."),
    team: str = TEAM,
    limit: int = typer.Option(100, min=1, help="Entries at most."),
) -> None:
    """Compare what inference recorded with what was billed; the difference of a day that is over must be 0."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import money
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    first, last = money.period(month, start, end)
    request = billing_pb2.GetReconciliationRequest(
        team=team, period_start=first, period_end=last, unsettled_only=unsettled
    )
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        items = [plain(entry) for entry in client.pages(stub.GetReconciliation, request, "entries", limit)]
    days = [item | {"day": item["day"][:10], "meter": item["meter_type"].removeprefix(_METER)} for item in items]
    report(state, items, _ENTRY, days, total=f"difference {sum(item['difference'] for item in items)}")


@app.command("adjust")
def adjust(
    context: typer.Context,
    team: str,
    month: str = typer.Argument(help="The one that is corrected, such as 2026-11."),
    amount: str = typer.Option(..., help="Such as -12.50 for a credit."),
    currency: str = typer.Option(..., help="Of the invoice: three letters, such as EUR."),
    reason: str = typer.Option(..., help="One line, shown on the invoice."),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Correct what a team owes for a month, by an entry of its own on the invoice; for operators."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import money
    from fp_cli.messages import plain

    state: State = context.obj
    first, _ = money.period(month, "", "")
    request = billing_pb2.CreateAdjustmentRequest(
        team=team,
        period_start=first,
        amount=billing_pb2.Money(amount_micros=money.micros(amount, "amount"), currency_code=currency.upper()),
        reason=reason,
        idempotency_key=clients.idempotency_key(idempotency_key),
    )
    with clients.connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        made = plain(client.call(stub.CreateAdjustment, request).adjustment)
    if not state.structured:
        made["amount"] = money.shown(made["amount"])
    record(state, made, _ADJUSTMENT)


@app.command("adjustments")
def list_adjustments(
    context: typer.Context,
    team: str = TEAM,
    limit: int = typer.Option(100, min=1),
) -> None:
    """List the corrections of a team, newest first."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import money
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        request = billing_pb2.ListAdjustmentsRequest(team=team)
        items = [plain(each) for each in client.pages(stub.ListAdjustments, request, "adjustments", limit)]
    if not state.structured:
        for item in items:
            item["amount"] = money.shown(item["amount"])
    rows(state, _ADJUSTMENT, items)


@app.command("void")
def void(
    context: typer.Context,
    invoice_id: str,
    reason: str = typer.Option(..., help="One line, why nobody has to pay it."),
    reissue: bool = typer.Option(False, "--reissue", help="Make another invoice of the month, with the next number."),
) -> None:
    """Say that nobody has to pay a final invoice, for operators; with --reissue also of one that is void already."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import client as clients
    from fp_cli.messages import plain

    state: State = context.obj
    request = billing_pb2.VoidInvoiceRequest(
        invoice_id=invoice_id, reason=reason, reissue=reissue, idempotency_key=clients.idempotency_key("")
    )
    with clients.connect(state) as client:
        response = client.call(billing_pb2_grpc.BillingServiceStub(client.channel).VoidInvoice, request)
    number = response.reissued.invoice_number
    done(
        state,
        f"{response.invoice.invoice_number} is void" + (f", {number} takes its place" if number else ""),
        **plain(response),
    )
