"""Which calls are kept, and what of them."""

import pytest


class RecordingSink:
    def __init__(self):
        self.records = []

    async def record(self, records):
        self.records.extend(records)


@pytest.fixture
def sink():
    return RecordingSink()


async def refused(stub, shapes, method, **fields):
    with pytest.raises(Exception, match=r"permission|credential"):
        await getattr(stub, method)(shapes.pb.Request(**fields))


async def test_a_call_of_level_always_is_kept_whatever_its_outcome(serve, shapes, keys, sink, until):
    running = await serve(audit=sink)
    token = keys.sign(scopes=["models:write"], role="engineer")
    metadata = (("x-correlation-id", "c-1"),)

    await running.stub(token).Write(shapes.pb.Request(thing_id="t-1"), metadata=metadata)
    await until(lambda: len(sink.records) == 1)

    (record,) = sink.records
    assert record.method == "/forgepoint.rpctest.v1.ShapesService/Write"
    assert (record.status, record.actor_id, record.actor_role, record.team) == ("OK", "user-1", "engineer", "red")
    assert (record.resource_id, record.correlation_id, record.suppressed) == ("t-1", "c-1", 0)
    assert record.peer == "ipv4:127.0.0.1"


async def test_of_level_on_deny_only_refusals_are_kept(serve, shapes, keys, sink, until):
    running = await serve(audit=sink)

    await running.stub(keys.sign()).One(shapes.pb.Request(thing_id="t-1"))
    await refused(running.stub(keys.sign(scopes=[])), shapes, "One", thing_id="t-2")
    await refused(running.stub(), shapes, "One", thing_id="t-3")
    await until(lambda: len(sink.records) == 2)

    denied, unknown = sink.records
    assert (denied.status, denied.actor_id, denied.resource_id) == ("PERMISSION_DENIED", "user-1", "t-2")
    assert (unknown.status, unknown.actor_id, unknown.resource_id) == ("UNAUTHENTICATED", "", "")


async def test_of_level_never_nothing_is_kept(serve, shapes, keys, sink):
    running = await serve(audit=sink)

    await running.stub(keys.sign()).Anyone(shapes.pb.Request())
    await refused(running.stub(), shapes, "Anyone")
    await running.server.stop(0.0)

    assert sink.records == []


@pytest.mark.parametrize("method", ["One", "Out", "In", "Both"])
async def test_a_refusal_of_any_shape_is_kept(serve, shapes, keys, sink, until, method):
    stub = (await serve(audit=sink)).stub(keys.sign(scopes=[]))
    call = getattr(stub, method)(*([shapes.pb.Request()] if method in ("One", "Out") else []))

    with pytest.raises(Exception, match="permission"):
        await (call.read() if method in ("Out", "Both") else call)
    await until(lambda: len(sink.records) == 1)

    assert sink.records[0].method.endswith(f"/{method}")


async def test_repeated_refusals_are_counted_and_the_count_is_told_at_the_stop(serve, shapes, keys, sink):
    running = await serve(audit=sink)
    stub = running.stub(keys.sign(scopes=[]))

    for _ in range(12):
        await refused(stub, shapes, "One")
    await running.server.stop(0.0)

    assert [record.suppressed for record in sink.records] == [0, 0, 0, 0, 0, 6]
    assert len(sink.records) + sum(record.suppressed for record in sink.records) == 12
    assert running.sample("audit_records_total", outcome="suppressed") == 7


ADDRESSES = "forgepoint-client-address"


def metadata_of(address, token):
    return (("fp-client-address", address), ("fp-forwarded-by", token))


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        ("203.0.113.7", "ipv4:203.0.113.7"),
        ("2001:db8::7", "ipv6:%5B2001:db8::7%5D"),
        ("::ffff:203.0.113.7", "ipv4:203.0.113.7"),
        ("ten", "ipv4:127.0.0.1"),
        ("", "ipv4:127.0.0.1"),
    ],
)
async def test_behind_the_gateway_the_peer_is_whom_the_gateway_serves(serve, shapes, keys, sink, until, address, peer):
    running = await serve(audit=sink)
    token = keys.sign(scopes=["models:write"], role="engineer")
    gateway = keys.sign(sub="gateway", role="service", aud=ADDRESSES)

    await running.stub(token).Write(shapes.pb.Request(), metadata=metadata_of(address, gateway))
    await until(lambda: len(sink.records) == 1)

    assert sink.records[0].peer == peer


async def test_the_peer_of_a_refusal_is_whom_the_gateway_serves(serve, shapes, keys, sink, until):
    running = await serve(audit=sink)
    gateway = keys.sign(sub="gateway", role="service", aud=ADDRESSES)

    for number, token in enumerate((None, keys.sign(scopes=[]))):
        with pytest.raises(Exception, match=r"permission|credential"):
            await running.stub(token).One(shapes.pb.Request(), metadata=metadata_of(f"203.0.113.{number}", gateway))
    await until(lambda: len(sink.records) == 2)

    assert [record.peer for record in sink.records] == ["ipv4:203.0.113.0", "ipv4:203.0.113.1"]


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "registry", "role": "service", "aud": ADDRESSES},
        {"sub": "gateway", "role": "admin", "scopes": ["*:*"], "aud": ADDRESSES},
        {"sub": "gateway", "role": "service", "exp": 1, "aud": ADDRESSES},
        # What calls proves nothing, so that the gateway never sends it along.
        {"sub": "gateway", "role": "service"},
        None,
    ],
)
async def test_nobody_else_says_where_a_call_comes_from(serve, shapes, keys, sink, until, claims):
    running = await serve(audit=sink)
    own = keys.sign(scopes=["models:write"], role="engineer")
    proof = keys.sign(**claims) if claims else "fp_" + "A" * 43

    await running.stub(own).Write(shapes.pb.Request(), metadata=metadata_of("203.0.113.7", proof))
    await until(lambda: len(sink.records) == 1)

    assert sink.records[0].peer == "ipv4:127.0.0.1"
