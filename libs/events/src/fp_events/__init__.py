"""Events between services, on NATS JetStream.

What it promises:

- `Event` is one fact; it travels as an `EventEnvelope` whose headers are those of CloudEvents, with `Nats-Msg-Id` and
  the trace of the call that caused it.
- Streams and durables are data (`STREAMS`, `CONSUMERS`); every process creates those that it needs (`ensure`).
- `publish` waits for the server's acks, many at a time, and says which events are stored. Publishing again is safe.
- `consume`: competing replicas, batches, each event acknowledged only after its handler returned. Failures are retried
  by a back-off; what cannot be handled becomes a dead letter with its error. Nothing is dropped silently.
- `broadcast`: every process sees every event in order and resumes after a reconnect.
- Delivery is at least once and, after a back-off, out of order: effects are made once by `fp_postgres` inbox rows, and
  a consumer that keeps state per resource compares `Event.sequence`.
- A replayed dead letter goes to its consumer alone, once (`dead_letters.replay`).
"""

from fp_events.bus import BatchHandler, Bus, EventHandler, Published
from fp_events.consumer.catalog import CONSUMERS, durable
from fp_events.consumer.declaration import Broadcast, Consumer
from fp_events.consumer.gap import Missed, MissedHook
from fp_events.consumer.settlement import each
from fp_events.dead_letters import EVERY, DeadLetter, DeadLetters, Matching
from fp_events.message.envelope import EncodedEvent, decode, encode, encoded, headers
from fp_events.message.event import Event, Poison, Severity
from fp_events.nats_bus import NatsBus, connect
from fp_events.payloads.audit import AuditPublisher
from fp_events.streams import STREAMS, Retention, Stream

__all__ = [
    "CONSUMERS",
    "EVERY",
    "STREAMS",
    "AuditPublisher",
    "BatchHandler",
    "Broadcast",
    "Bus",
    "Consumer",
    "DeadLetter",
    "DeadLetters",
    "EncodedEvent",
    "Event",
    "EventHandler",
    "Matching",
    "Missed",
    "MissedHook",
    "NatsBus",
    "Poison",
    "Published",
    "Retention",
    "Severity",
    "Stream",
    "connect",
    "decode",
    "durable",
    "each",
    "encode",
    "encoded",
    "headers",
]
