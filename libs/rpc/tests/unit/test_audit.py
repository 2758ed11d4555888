"""DenialLimiter are counted, and records are never lost in silence."""

import asyncio

import pytest
from fp_kernel import Backoff
from fp_kernel.audit import AuditRecord
from fp_rpc import DenialPolicy
from fp_rpc.audit import queue as audit_queue
from fp_rpc.audit.denials import DenialLimiter
from fp_rpc.audit.queue import AuditQueue
from fp_rpc.audit.records import LogAudit
from fp_telemetry import Metrics
from fp_testkit.patience import PATIENCE
from hypothesis import given
from hypothesis import strategies as st

POLICY = DenialPolicy(reported=2, window=60.0, kinds=3)


def denial(actor="a", method="/s/M"):
    return AuditRecord(method=method, status="PERMISSION_DENIED", actor_id=actor)


def test_the_first_denials_of_a_window_are_reported_and_the_next_ones_counted():
    denials = DenialLimiter(POLICY)

    reported = [denials.admit(denial(), float(second)) for second in range(5)]

    assert [record is not None for record in reported] == [True, True, False, False, False]


def test_the_next_denial_that_is_reported_says_how_many_were_counted():
    denials = DenialLimiter(POLICY)
    for second in range(5):
        denials.admit(denial(), float(second))

    assert denials.admit(denial(), 60.0).suppressed == 3
    assert denials.admit(denial(), 61.0).suppressed == 0


def test_ten_thousand_calls_of_nobody_leave_one_record_and_one_that_counts_the_others():
    denials = DenialLimiter(DenialPolicy())
    logout = AuditRecord(method="/s/Logout", status="OK", peer="192.0.2.7")

    reported = [denials.admit(logout, call / 1_000) for call in range(10_000)]

    assert [record.suppressed for record in reported if record is not None] == [0]
    assert [record.suppressed for record in denials.ended(60.0)] == [9_998]


def test_callers_and_methods_are_counted_apart():
    denials = DenialLimiter(POLICY)
    for _ in range(3):
        denials.admit(denial(), 0.0)

    assert denials.admit(denial("b"), 0.0) is not None
    assert denials.admit(denial(method="/s/N"), 0.0) is not None


def test_a_window_that_ends_reports_its_last_denial_with_the_count_of_the_others():
    denials = DenialLimiter(POLICY)
    for second in range(5):
        denials.admit(denial(), float(second))

    assert denials.ended(59.0) == []
    (last,) = denials.ended(60.0)
    assert (last.actor_id, last.suppressed) == ("a", 2)
    assert denials.ended(1e9) == []


def test_a_window_in_which_all_was_reported_ends_silently():
    denials = DenialLimiter(POLICY)
    denials.admit(denial(), 0.0)

    assert denials.ended(60.0) == []


def test_callers_beyond_the_kinds_that_are_kept_apart_count_together():
    denials = DenialLimiter(POLICY)
    reported = [denials.admit(denial(str(number)), 0.0) for number in range(1_000)]

    assert sum(record is not None for record in reported) == 3 + POLICY.reported
    assert len(denials._windows) == 4
    assert sum(record.suppressed + 1 for record in denials.ended(60.0)) == 1_000 - 3 - POLICY.reported


def test_a_kind_that_goes_on_does_not_keep_those_that_have_ended():
    denials = DenialLimiter(POLICY)
    for second, actor in ((0.0, "a"), (10.0, "b"), (60.0, "a")):
        for _ in range(3):
            denials.admit(denial(actor), second)

    assert [record.actor_id for record in denials.ended(70.0)] == ["b"]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30)), max_size=60))
def test_every_denial_is_reported_or_counted_exactly_once(steps):
    denials, now, reported = DenialLimiter(POLICY), 0.0, []
    for actor, pause in steps:
        now += pause
        reported.append(denials.admit(denial(actor), now))
        reported.extend(denials.ended(now))
    reported.extend(denials.ended(now, everything=True))

    assert sum(1 + record.suppressed for record in reported if record is not None) == len(steps)


class Sink:
    """Fails `failures` times, then keeps."""

    def __init__(self, failures=0):
        self.failures = failures
        self.stored = []
        self.batches = []
        self.enough = asyncio.Event()

    async def record(self, records):
        self.batches.append([record.id for record in records])
        if len(self.batches) <= self.failures:
            raise ConnectionError
        self.stored.extend(record.id for record in records)
        self.enough.set()


def queue_of(sink, capacity=100):
    metrics = Metrics("test")
    return AuditQueue(sink, metrics, capacity=capacity, denials=POLICY), metrics


def ok(number):
    return AuditRecord(method="/s/M", status="OK", actor_id="a", id=f"r-{number}")


async def test_calls_that_a_known_caller_has_refused_without_end_do_not_fill_the_queue():
    sink = Sink()
    queue, metrics = queue_of(sink)
    for number in range(1_000):
        queue.add(AuditRecord(method="/s/M", status="RESOURCE_EXHAUSTED", actor_id="a", id=f"r-{number}"))

    queue.start()
    await queue.close(1.0)

    # One more says how many were not told.
    assert len(sink.stored) == POLICY.reported + 1
    assert metrics.registry.get_sample_value("fp_test_audit_records_total", {"outcome": "overflow"}) == 0


async def test_a_sink_that_meets_the_cancellation_of_another_does_not_end_the_audit(monkeypatch):
    monkeypatch.setattr(audit_queue, "_BACKOFF", Backoff(first=0.0, longest=0.0))

    class Cancelled(Sink):
        async def record(self, records):
            if not self.batches:
                self.batches.append([])
                raise asyncio.CancelledError
            await super().record(records)

    sink = Cancelled()
    queue, _ = queue_of(sink)
    queue.start()
    queue.add(ok(1))

    async with asyncio.timeout(PATIENCE):
        await sink.enough.wait()
    await queue.close(1.0)

    assert sink.stored == ["r-1"]


async def test_records_reach_the_sink_in_order_and_in_batches():
    sink = Sink()
    queue, metrics = queue_of(sink, capacity=1_000)
    for number in range(250):
        queue.add(ok(number))

    queue.start()
    await queue.close(1.0)

    assert sink.stored == [f"r-{number}" for number in range(250)]
    assert max(len(batch) for batch in sink.batches) == 100
    assert metrics.registry.get_sample_value("fp_test_audit_records_total", {"outcome": "sent"}) == 250


async def test_a_running_queue_is_drained_without_a_stop():
    sink = Sink()
    queue, _ = queue_of(sink)
    queue.start()
    await asyncio.sleep(0)

    queue.add(ok(1))
    async with asyncio.timeout(PATIENCE):
        await sink.enough.wait()
    await queue.close(1.0)

    assert sink.stored == ["r-1"]


async def test_a_sink_that_failed_gets_the_same_records_again():
    sink = Sink(failures=1)
    queue, _ = queue_of(sink)
    queue.add(ok(1))
    queue.start()
    async with asyncio.timeout(PATIENCE):
        await sink.enough.wait()
    await queue.close(1.0)

    assert sink.batches == [["r-1"], ["r-1"]]
    assert sink.stored == ["r-1"]


async def test_what_finds_the_queue_full_is_written_to_the_log(caplog):
    caplog.set_level("INFO", "fp_rpc.audit")
    queue, metrics = queue_of(Sink(), capacity=2)

    for number in range(3):
        queue.add(ok(number))

    (line,) = (record for record in caplog.records if record.message == "audit")
    assert line.fp_fields["id"] == "r-2"
    assert metrics.registry.get_sample_value("fp_test_audit_records_total", {"outcome": "overflow"}) == 1


@pytest.mark.parametrize("hangs", [True, False])
async def test_what_the_sink_never_took_is_written_to_the_log_at_the_stop(caplog, hangs):
    class Broken(Sink):
        async def record(self, records):
            if hangs:
                await asyncio.Event().wait()
            raise ConnectionError

    caplog.set_level("INFO", "fp_rpc.audit")
    queue, _ = queue_of(Broken())
    queue.start()
    for number in range(3):
        queue.add(ok(number))

    await queue.close(0.01)

    lines = [record.fp_fields["id"] for record in caplog.records if record.message == "audit"]
    assert lines == ["r-0", "r-1", "r-2"]


async def test_without_a_bus_records_are_log_lines(caplog):
    caplog.set_level("INFO", "fp_rpc.audit")

    await LogAudit().record([denial()])

    assert caplog.records[0].fp_fields["status"] == "PERMISSION_DENIED"
