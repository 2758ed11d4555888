"""Audit entries between messages and values."""

from datetime import date

from forgepoint.auth.v1 import audit_pb2 as pb
from fp_kernel import Page, invalid
from fp_rpc.pagination import page_response
from fp_rpc.times import from_timestamp, to_timestamp

from fp_auth.app.audit_ports import Wanted
from fp_auth.app.read_audit import Verified
from fp_auth.domain.audit import Entry

ALL_TEAMS = "*"


def wanted(request: pb.ListAuditEntriesRequest, team: str) -> Wanted:
    """Raises InvalidArgument naming `from` or `to`."""
    begin, end = (
        from_timestamp(getattr(request, field), field) if request.HasField(field) else None for field in ("from", "to")
    )
    return Wanted(
        team="" if team == ALL_TEAMS else team,
        actor_id=request.actor_id,
        method=request.method,
        resource_id=request.resource_id,
        recorded_from=begin,
        recorded_to=end,
    )


def day_of(text: str, field: str) -> date | None:
    """None for an empty text. Raises InvalidArgument naming the field."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(field, "must be a day such as 2026-11-29") from None


def entry_to_pb(entry: Entry, *, with_mac: bool = False) -> pb.AuditEntry:
    record = entry.record
    return pb.AuditEntry(
        day=entry.day.isoformat(),
        number=entry.number,
        id=record.id,
        occurred_at=to_timestamp(record.occurred_at),
        recorded_at=to_timestamp(entry.recorded_at),
        team=record.team,
        service=record.service,
        method=record.method,
        actor_id=record.actor_id,
        actor_role=record.actor_role,
        api_key_id=record.api_key_id,
        status=record.status,
        resource_id=record.resource_id,
        address_digest=record.address.hex(),
        suppressed=record.suppressed,
        correlation_id=record.correlation_id,
        mac=entry.mac.hex() if with_mac else "",
    )


def page_to_pb(page: Page[Entry]) -> pb.ListAuditEntriesResponse:
    return pb.ListAuditEntriesResponse(
        entries=map(entry_to_pb, page.items),
        pagination=page_response(page.next_token),
    )


def verified_to_pb(verified: Verified) -> pb.VerifyAuditLogResponse:
    broken = verified.broken
    return pb.VerifyAuditLogResponse(
        day=verified.day.isoformat(),
        entries=verified.entries,
        checkpoints=verified.checkpoints,
        intact=broken is None,
        broken_at=broken.number if broken else 0,
        problem=broken.problem if broken else "",
    )
