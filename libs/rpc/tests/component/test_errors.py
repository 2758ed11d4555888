"""What a caller is told, whatever went wrong."""

import asyncio
import json
import logging

import grpc
import pytest
from forgepoint.common.v1 import common_pb2
from fp_kernel import (
    AlreadyExists,
    DeadlineExceeded,
    FieldViolation,
    Internal,
    InvalidArgument,
    NotFound,
    ResourceExhausted,
    Unavailable,
    Unimplemented,
)
from fp_testkit.patience import PATIENCE
from google.rpc import error_details_pb2, status_pb2


def raising(error):
    async def behaviour(request, context):
        raise error

    return behaviour


async def failure_of(running, shapes, bearer, token):
    """The error as a client of another make sees it."""
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.plain().One(shapes.pb.Request(), metadata=bearer(token, x_correlation_id="c-1"))
    return raised.value


def details_of(error):
    raw = error.trailing_metadata()["grpc-status-details-bin"]
    found = {}
    for detail in status_pb2.Status.FromString(raw).details:
        for cls in (
            error_details_pb2.ErrorInfo,
            error_details_pb2.BadRequest,
            error_details_pb2.RetryInfo,
            error_details_pb2.QuotaFailure,
            common_pb2.ErrorDetail,
        ):
            message = cls()
            if detail.Unpack(message):
                found[cls.__name__] = message
    return found


async def test_an_error_carries_google_rpc_details(serve, shapes, keys, scripted, bearer):
    scripted.one = raising(
        ResourceExhausted("too fast", reason="RATE_LIMITED", retry_after=1.5, metadata={"quota": "predictions"})
    )

    error = await failure_of(await serve(), shapes, bearer, keys.sign())
    details = details_of(error)

    assert (error.code(), error.details()) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "too fast")
    assert details["ErrorInfo"].reason == "RATE_LIMITED"
    assert details["ErrorInfo"].domain == "forgepoint"
    assert details["RetryInfo"].retry_delay.ToMilliseconds() == 1500
    assert details["QuotaFailure"].violations[0].subject == "predictions"
    assert details["ErrorDetail"].code == "RATE_LIMITED"


async def test_a_bad_field_is_named_in_both_kinds_of_details(serve, shapes, keys, scripted, bearer):
    fields = (FieldViolation("name", "must not be empty"), FieldViolation("tags", "at most 20"))
    scripted.one = raising(InvalidArgument("two fields are bad", fields=fields))

    details = details_of(await failure_of(await serve(), shapes, bearer, keys.sign()))

    assert [violation.field for violation in details["BadRequest"].field_violations] == ["name", "tags"]
    assert details["ErrorDetail"].field == "name"


async def test_a_failure_carries_the_correlation_id(serve, shapes, keys, scripted, bearer):
    scripted.one = raising(NotFound("no such model"))

    error = await failure_of(await serve(), shapes, bearer, keys.sign())

    assert error.trailing_metadata()["x-correlation-id"] == "c-1"


async def test_an_unknown_exception_is_logged_with_its_cause_and_told_to_nobody(serve, shapes, keys, scripted, caplog):
    async def broken(request, context):
        try:
            raise KeyError("the secret detail")  # noqa: TRY301 -- a cause needs a raise
        except KeyError as cause:
            raise RuntimeError("wrapped") from cause

    scripted.one = broken
    stub = (await serve()).stub(keys.sign())

    with caplog.at_level(logging.ERROR, "fp_rpc.server"), pytest.raises(Internal) as raised:
        await stub.One(shapes.pb.Request())

    assert raised.value.message == "internal error"
    assert raised.value.reason == "INTERNAL"
    assert "the secret detail" in caplog.text
    assert "RuntimeError: wrapped" in caplog.text


async def test_the_text_of_an_internal_error_stays_here(serve, shapes, keys, scripted):
    scripted.one = raising(Internal("row 7 of table x is broken"))
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(Internal) as raised:
        await stub.One(shapes.pb.Request())

    assert raised.value.message == "internal error"


async def test_a_method_that_says_it_is_not_implemented_is_unimplemented(serve, shapes, keys, scripted):
    scripted.one = raising(NotImplementedError())
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(Unimplemented):
        await stub.One(shapes.pb.Request())


async def test_an_error_out_of_a_task_group_is_told_as_itself(serve, shapes, keys, scripted):
    async def grouped(request, context):
        async with asyncio.TaskGroup() as group:
            group.create_task(raising(AlreadyExists("taken"))(None, None))
            group.create_task(asyncio.Event().wait())

    scripted.one = grouped
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(AlreadyExists, match="taken"):
        await stub.One(shapes.pb.Request())


async def test_a_time_out_of_a_store_is_internal_while_the_call_has_time(serve, shapes, keys, scripted):
    scripted.one = raising(TimeoutError())
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(Internal):
        await stub.One(shapes.pb.Request())


async def test_the_cause_of_an_unavailable_store_reaches_the_log(serve, shapes, keys, scripted, caplog):
    async def away(request, context):
        try:
            raise ConnectionRefusedError("10.0.0.7:6379")  # noqa: TRY301 -- a cause needs a raise
        except ConnectionRefusedError as cause:
            raise Unavailable("the cache is away") from cause

    scripted.one = away
    stub = (await serve()).stub(keys.sign())

    with caplog.at_level(logging.WARNING, "fp_rpc.server"), pytest.raises(Unavailable, match="the cache is away"):
        await stub.One(shapes.pb.Request())

    record = next(record for record in caplog.records if record.name == "fp_rpc.server")
    assert "10.0.0.7:6379" in json.dumps(record.fp_fields)


async def test_an_error_with_too_much_to_say_still_fits_into_trailers(serve, shapes, keys, scripted):
    fields = [FieldViolation(f"rows[{number}].{'n' * 300}", "ü" * 5_000) for number in range(500)]
    scripted.one = raising(InvalidArgument("ü" * 50_000, fields=fields, metadata={"k" * 500: "v" * 50_000}))
    stub = (await serve()).stub(keys.sign())

    with pytest.raises(InvalidArgument) as raised:
        await stub.One(shapes.pb.Request())

    assert raised.value.message.startswith("üüü")
    assert raised.value.fields[0].field.startswith("rows[0].nnn")


async def test_trailers_that_a_handler_set_come_with_its_failure(serve, shapes, keys, scripted):
    async def positioned(request, context):
        context.set_trailing_metadata((("fp-position", "7"),))
        raise NotFound("not yet")

    scripted.one = positioned
    call = (await serve()).stub(keys.sign()).One(shapes.pb.Request())

    with pytest.raises(NotFound):
        await call

    assert (await call.trailing_metadata())["fp-position"] == "7"


async def test_a_relay_answers_with_the_status_of_the_service_behind_it(serve, shapes, keys, scripted, until):
    async def relayed(request, context):
        await context.abort(grpc.StatusCode.DATA_LOSS, "as it was", (("x-behind", "1"),))

    scripted.one = relayed
    running = await serve()
    token = keys.sign()

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await running.plain().One(shapes.pb.Request(), metadata=(("authorization", f"Bearer {token}"),))

    assert (raised.value.code(), raised.value.details()) == (grpc.StatusCode.DATA_LOSS, "as it was")
    assert raised.value.trailing_metadata()["x-behind"] == "1"
    labels = {"method": "forgepoint.rpctest.v1.ShapesService/One", "code": "DATA_LOSS"}
    await until(lambda: running.sample("grpc_requests_total", **labels) == 1)


async def test_a_call_without_a_deadline_ends_at_the_default_one(serve, shapes, keys, scripted, bearer, make_policy):
    async def slow(request, context):
        await asyncio.Event().wait()

    scripted.one = scripted.in_ = slow
    running = await serve(policy=make_policy(default_deadline=0.05))
    metadata = bearer(keys.sign())

    for call in (running.plain().One(shapes.pb.Request(), metadata=metadata), running.plain().In(metadata=metadata)):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("method", ["One", "Out"])
async def test_a_passed_deadline_cancels_the_handler_and_is_counted_as_such(
    serve, shapes, keys, scripted, until, method
):
    entered, ended = asyncio.Event(), asyncio.Event()

    async def slow(request, context):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def slow_stream(request, context):
        await slow(request, context)
        yield

    scripted.one, scripted.out = slow, slow_stream
    running = await serve()
    stub = running.stub(keys.sign())
    for _ in range(10):
        call = getattr(stub, method)(shapes.pb.Request(), timeout=0.5)
        with pytest.raises(DeadlineExceeded):
            await (call if method == "One" else call.read())
        # On a busy machine it may be over before the call has reached the server.
        if entered.is_set():
            break

    async with asyncio.timeout(PATIENCE):
        await ended.wait()
    labels = {"method": f"forgepoint.rpctest.v1.ShapesService/{method}", "code": "DEADLINE_EXCEEDED"}
    await until(lambda: (running.sample("grpc_requests_total", **labels) or 0) >= 1)


@pytest.mark.parametrize("method", ["One", "Out"])
async def test_a_cancelled_call_cancels_the_handler_and_is_counted_as_such(
    serve, shapes, keys, scripted, until, method
):
    entered, ended = asyncio.Event(), asyncio.Event()

    async def slow(request, context):
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def slow_stream(request, context):
        await slow(request, context)
        yield

    scripted.one, scripted.out = slow, slow_stream
    running = await serve()
    call = getattr(running.stub(keys.sign()), method)(shapes.pb.Request())
    waiting = asyncio.ensure_future(call if method == "One" else call.read())
    async with asyncio.timeout(PATIENCE):
        await entered.wait()

    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    async with asyncio.timeout(PATIENCE):
        await ended.wait()
    labels = {"method": f"forgepoint.rpctest.v1.ShapesService/{method}", "code": "CANCELLED"}
    await until(lambda: running.sample("grpc_requests_total", **labels) == 1)
