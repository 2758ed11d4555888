import pytest
from fp_events import STREAMS, AuditPublisher, Severity
from fp_kernel import Unavailable
from fp_kernel.audit import AuditRecord
from fp_testkit.memory_bus import MemoryBus


@pytest.fixture
async def bus():
    bus = MemoryBus("auth")
    await bus.ensure(STREAMS, ())
    return bus


async def test_a_record_becomes_an_event_that_says_the_same(bus):
    record = AuditRecord(
        method="/forgepoint.auth.v1.AuthService/AssignRole",
        status="PERMISSION_DENIED",
        actor_id="user-1",
        actor_role="viewer",
        api_key_id="key-1",
        team="red",
        resource_id="user-2",
        peer="10.0.0.1",
        correlation_id="c-1",
        suppressed=3,
    )
    sink = AuditPublisher(bus)
    await sink.record([record])
    (event,) = bus.events
    assert (event.id, event.type, event.team, event.actor) == (record.id, "fp.audit.recorded", "red", "user-1")
    assert (event.source, event.correlation_id, event.severity) == ("auth", "c-1", Severity.WARNING)
    assert (event.time, event.payload.occurred_at.ToDatetime(record.occurred_at.tzinfo)) == (record.occurred_at,) * 2
    for name in ("method", "status", "actor_id", "actor_role", "api_key_id", "resource_id", "peer", "suppressed"):
        assert getattr(event.payload, name) == getattr(record, name)


async def test_records_that_come_again_are_kept_once(bus):
    records = [AuditRecord(method="/x/Y", status="OK"), AuditRecord(method="/x/Z", status="OK")]
    for given in (records[:1], records):
        await AuditPublisher(bus).record(given)
    assert [event.id for event in bus.events] == [record.id for record in records]


async def test_a_bus_that_is_away_is_told_to_the_queue_behind(bus):
    bus.away = True
    with pytest.raises(Unavailable):
        await AuditPublisher(bus).record([AuditRecord(method="/x/Y", status="OK")])
