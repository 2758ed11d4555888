"""fp invoices."""

import typer

from fp_cli.choices import InvoiceStatus, number
from fp_cli.output import State, record, rows, say

app = typer.Typer(help="Invoices of the team, one a month.", no_args_is_help=True)
_INVOICE = ("invoice_number", "status", "period_start", "total", "due_at", "team", "id")
_LINE = ("meter_type", "quantity", "billable_quantity", "unit_price", "amount", "description")


@app.command("list")
def list_invoices(
    context: typer.Context,
    status: InvoiceStatus | None = typer.Option(None, case_sensitive=False),
    team: str = typer.Option("", help="Another team, for operators."),
    limit: int = typer.Option(100, min=1),
) -> None:
    """List invoices, newest first."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import money
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        request = billing_pb2.ListInvoicesRequest(team=team, status_filter=number(billing_pb2.InvoiceStatus, status))
        items = [plain(invoice) for invoice in client.pages(stub.ListInvoices, request, "invoices", limit)]
    if not state.structured:
        for item in items:
            item["total"] = money.shown(item.get("total"))
    rows(state, _INVOICE, items)


@app.command("get")
def get_invoice(context: typer.Context, invoice_id: str) -> None:
    """Show an invoice with its lines."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import money
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        invoice = plain(client.call(stub.GetInvoice, billing_pb2.GetInvoiceRequest(invoice_id=invoice_id)).invoice)
    if not state.structured:
        invoice["total"] = money.shown(invoice.get("total"))
        for line in invoice["line_items"]:
            line |= {name: money.shown(line.get(name)) for name in ("unit_price", "amount")}
    record(state, invoice, (*_INVOICE, "period_end", "finalized_at"))
    if not state.structured:
        say(state, "")
        rows(state, _LINE, invoice["line_items"])
