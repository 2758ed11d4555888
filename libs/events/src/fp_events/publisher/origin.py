"""Where an event comes from."""

from dataclasses import replace

from fp_telemetry import correlation_id, inject

from fp_events.message.event import Event


def attributed(event: Event, source: str) -> Event:
    """The event with what the current context knows about where it comes from."""
    trace: dict[str, str] = {}
    if not event.trace:
        inject(trace)
    return replace(
        event,
        source=event.source or source,
        correlation_id=event.correlation_id or correlation_id.get(),
        trace=event.trace or trace,
    )
