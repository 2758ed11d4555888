"""Calls of one method as frames on one connection, beside the same method over gRPC."""

import asyncio

import pytest
from fp_kernel import (
    DeadlineExceeded,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from fp_rpc import BearerToken, Channels, acting_for, current_call
from fp_telemetry import correlation_id
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now

ONE = "/forgepoint.rpctest.v1.ShapesService/One"
SHORT = 0.05


async def test_a_call_over_a_link_is_answered_as_one_over_grpc_is(linked, link_to, shapes, keys):
    client = link_to(linked, keys.service())

    assert await client("x") == await linked.stub(keys.service()).One(shapes.pb.Request(text="x"))


async def test_answers_go_to_whoever_asked_in_whatever_order_they_come(linked, link_to, scripted, shapes, keys):
    async def slow_first(request, context):
        await asyncio.sleep(SHORT if request.text == "0" else 0)
        return shapes.pb.Response(text=request.text)

    scripted.one = slow_first
    client = link_to(linked, keys.service())

    answers = await asyncio.gather(*(client(str(number)) for number in range(50)))

    assert [answer.text for answer in answers] == [str(number) for number in range(50)]


async def test_a_call_says_for_whom_and_in_which_work_it_is_made(linked, link_to, scripted, shapes, keys):
    seen = []

    async def remember(request, context):
        call = current_call()
        seen.append((call.principal.service, call.team, call.principal.user_id, call.correlation_id))
        return shapes.pb.Response()

    scripted.one = remember
    client = link_to(linked, keys.service("inference"))
    reset = correlation_id.set("work-1")

    with acting_for("blue", "user-9"):
        await client()
    await client()

    correlation_id.reset(reset)
    assert seen == [("inference", "blue", "user-9", "work-1"), ("inference", "", "inference", "work-1")]


async def test_an_error_comes_back_with_all_that_it_says(linked, link_to, scripted, keys):
    async def refuse(request, context):
        raise NotFound("there is no such thing", reason="NO_SUCH_THING", metadata={"thing": "7"}, retry_after=2.5)

    scripted.one = refuse

    with pytest.raises(NotFound, match="there is no such thing") as refused:
        await link_to(linked, keys.service())()

    assert (refused.value.reason, refused.value.metadata) == ("NO_SUCH_THING", {"thing": "7"})


async def test_an_unforeseen_failure_tells_nothing_of_itself(linked, link_to, scripted, keys):
    async def fail(request, context):
        raise ValueError("password=hunter2")

    scripted.one = fail

    with pytest.raises(Exception, match="internal error"):
        await link_to(linked, keys.service())()


async def test_a_request_over_the_limit_names_its_size(serve, link_to, make_policy, keys):
    linked = await serve(link="One", policy=make_policy(max_message_bytes=1_000))

    with pytest.raises(ResourceExhausted) as refused:
        await link_to(linked, keys.service())(payload=b"x" * 2_000)

    assert refused.value.reason == "MESSAGE_TOO_LARGE"


async def test_a_call_ends_at_its_deadline_on_both_sides(linked, link_to, scripted, keys, until):
    ended = []

    async def hang(request, context):
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(request.text)

    scripted.one = hang

    with pytest.raises((DeadlineExceeded, Unavailable)):
        await link_to(linked, keys.service())("late", seconds=SHORT)

    await until(lambda: ended == ["late"])


async def test_a_cancelled_call_is_cancelled_at_the_peer(linked, link_to, scripted, keys, until):
    began, ended = asyncio.Event(), []

    async def hang(request, context):
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(request.text)

    scripted.one = hang
    call = asyncio.ensure_future(link_to(linked, keys.service())("gone"))
    await began.wait()

    call.cancel()

    await until(lambda: ended == ["gone"])


async def test_a_token_that_ended_is_replaced_and_the_call_made_again(linked, link_to, scripted, shapes, keys):
    now = int(real_now().timestamp())
    first, second = keys.service(), keys.service(exp=now + 4_000)
    client = link_to(linked, first)
    await client()
    bad = keys.service(iss="http://somebody.else")
    client.credential.tokens = [bad, second]

    assert (await client()).text == "one x"


async def test_a_key_that_is_withdrawn_ends_the_calls_of_open_links(linked, link_to, scripted, keys, make_keys):
    client = link_to(linked, keys.service())
    await client()
    client.credential.tokens = [make_keys("two").service()]

    with pytest.raises(Unavailable) as refused:
        await client()

    assert refused.value.reason == "SERVICE_TOKEN_REFUSED"


async def test_a_peer_that_cannot_be_reached_is_unavailable(linked, link_to, keys, free_port):
    client = link_to(linked, keys.service())
    client.port = free_port

    with pytest.raises(Unavailable):
        await client()


async def test_a_stop_lets_calls_under_way_end_and_takes_no_more(linked, link_to, scripted, shapes, keys, until):
    began, go_on = asyncio.Event(), asyncio.Event()

    async def wait(request, context):
        began.set()
        await go_on.wait()
        return shapes.pb.Response(text="done")

    scripted.one = wait
    client = link_to(linked, keys.service())
    call = asyncio.ensure_future(client())
    await began.wait()
    stopping = asyncio.ensure_future(linked.server.stop(PATIENCE))
    await until(lambda: not client.link._connection.usable)

    with pytest.raises(Unavailable):
        await client()
    go_on.set()

    assert (await call).text == "done"
    await stopping


async def test_calls_and_bytes_at_once_are_bounded(serve, link_to, scripted, keys, make_policy, until):
    linked = await serve(link="One", policy=make_policy(max_concurrent_rpcs=2))
    waiting = []

    async def hang(request, context):
        waiting.append(request.text)
        await asyncio.Event().wait()

    scripted.one = hang
    client = link_to(linked, keys.service())
    calls = [asyncio.ensure_future(client(str(number))) for number in range(2)]
    await until(lambda: len(waiting) == 2)

    with pytest.raises(ResourceExhausted) as refused:
        await client()

    assert refused.value.reason == "TOO_MANY_CALLS"
    for call in calls:
        call.cancel()


async def test_calls_of_a_link_count_in_the_same_metrics(linked, link_to, scripted, keys):
    async def refuse(request, context):
        raise InvalidArgument("no")

    client = link_to(linked, keys.service())
    await client()
    scripted.one = refuse
    with pytest.raises(Exception, match="internal error"):
        await client()

    labels = {"method": ONE[1:]}
    assert linked.sample("grpc_requests_total", code="OK", **labels) == 1
    assert linked.sample("grpc_requests_total", code="INVALID_ARGUMENT", **labels) == 1
    assert (
        client.metrics.registry.get_sample_value("fp_client_grpc_client_requests_total", {"code": "OK", **labels}) == 1
    )


async def test_a_person_may_use_no_link_of_a_method_for_services_only(linked, link_to, keys):
    with pytest.raises(PermissionDenied):
        await (
            Channels(BearerToken(keys.sign(scopes=["users:read"])))
            .link(ONE, link_to(linked, "").locate, timeout=PATIENCE)
            .call(b"")
        )


async def test_no_credential_no_connection(linked, link_to):
    with pytest.raises(Unauthenticated):
        await Channels(None).link(ONE, link_to(linked, "").locate, timeout=PATIENCE).call(b"")
