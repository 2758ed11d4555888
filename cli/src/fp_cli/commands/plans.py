"""fp plans."""

from pathlib import Path

import typer

from fp_cli.output import State, document, done, record, rows, say

app = typer.Typer(help="Rate plans: prices, allowances and quotas.", no_args_is_help=True)
_PLAN = ("name", "prices", "created_at", "id")
_RATE = ("meter", "price", "included", "quota")
_QUOTA = ("meter", "current_usage", "quota_limit", "remaining", "exceeded", "rate_plan_id")


@app.command("list")
def list_plans(context: typer.Context, limit: int = typer.Option(100, min=1)) -> None:
    """List rate plans, newest first."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import money
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        found = client.pages(stub.ListRatePlans, billing_pb2.ListRatePlansRequest(), "rate_plans", limit)
        items = [plain(plan) for plan in found]
    if not state.structured:
        for item in items:
            item["prices"] = {rate["meter"].lower(): rate["price"] for rate in money.rates(item)}
    rows(state, _PLAN, items)


@app.command("get")
def get_plan(context: typer.Context, name: str = typer.Argument(help="Name or id.")) -> None:
    """Show a rate plan, meter by meter."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import money, names
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        request = billing_pb2.GetRatePlanRequest(rate_plan_id=names.plan(client, name))
        plan = plain(client.call(stub.GetRatePlan, request).rate_plan)
    record(state, plan, ("name", "created_at", "id"))
    if not state.structured:
        say(state, "")
        rows(state, _RATE, money.rates(plan))


@app.command("create")
def create_plan(
    context: typer.Context,
    name: str = typer.Argument("", help="Unless --file names it."),
    currency: str = typer.Option("", help="Three letters, such as EUR."),
    prices: list[str] = typer.Option([], "--price", help="METER=AMOUNT a unit, such as inference-request=0.0005."),
    included: list[str] = typer.Option([], help="METER=UNITS that are free each month."),
    quotas: list[str] = typer.Option([], "--quota", help="METER=UNITS a month at most."),
    per_second: int = typer.Option(0, min=0, help="Predictions of a team a second, all its members together; 0: any."),
    in_flight: int = typer.Option(0, min=0, help="Predictions of a team at once; 0: any."),
    file: Path | None = typer.Option(None, help="JSON or YAML of a CreateRatePlanRequest instead.", allow_dash=True),
    idempotency_key: str = typer.Option("", help="A repeat with the same key happens once."),
) -> None:
    """Create a rate plan, for operators. It never changes. A meter without a price is free; the answer names all."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import documents, money
    from fp_cli.messages import plain

    state: State = context.obj
    if file is not None:
        request = documents.fill(billing_pb2.CreateRatePlanRequest(), documents.load(file, "rate plan"))
        request.name = name or request.name
    else:
        request = money.new_plan(name, currency, prices, included, quotas)
        request.predictions_per_second, request.predictions_in_flight = per_second, in_flight
    request.idempotency_key = clients.idempotency_key(idempotency_key)
    with clients.connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        plan = client.call(stub.CreateRatePlan, request).rate_plan
    record(state, plain(plan), ("id", "name"))
    say(state, f"put a team on it: fp plans assign {plan.name}")


@app.command("assign")
def assign_plan(
    context: typer.Context,
    name: str = typer.Argument(help="Name or id of the plan."),
    team: str = typer.Option("", help="Default: your own."),
) -> None:
    """Put a team on a rate plan, from the next recorded usage on; for operators."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli import client as clients
    from fp_cli import names
    from fp_cli.messages import plain

    state: State = context.obj
    with clients.connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        request = billing_pb2.AssignRatePlanRequest(
            team=team, rate_plan_id=names.plan(client, name), idempotency_key=clients.idempotency_key("")
        )
        response = client.call(stub.AssignRatePlan, request)
    done(state, f"{response.team} is on {response.rate_plan.name} now", **plain(response))


@app.command("quota")
def quota(context: typer.Context, team: str = typer.Option("", help="Another team, for operators.")) -> None:
    """Show what is left of this month's quotas, meter by meter."""
    from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc

    from fp_cli.choices import MeterType, number
    from fp_cli.client import connect
    from fp_cli.messages import plain

    state: State = context.obj
    items = []
    with connect(state) as client:
        stub = billing_pb2_grpc.BillingServiceStub(client.channel)
        for meter in MeterType:
            request = billing_pb2.CheckQuotaRequest(team=team, meter_type=number(billing_pb2.MeterType, meter))
            items.append(plain(client.call(stub.CheckQuota, request)))
    if state.structured:
        document(state, items)
    else:
        shown = [
            {**item, "meter": item["meter_type"]}
            | ({} if item["quota_limit"] else {"quota_limit": "none", "remaining": ""})
            for item in items
        ]
        rows(state, _QUOTA, shown)
