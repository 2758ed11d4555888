"""AuditService over gRPC."""

from collections.abc import AsyncIterator

from forgepoint.auth.v1 import audit_pb2 as pb
from forgepoint.auth.v1.audit_pb2_grpc import AuditServiceServicer
from fp_kernel import page_request
from fp_rpc import current_call

from fp_auth.api import audit_convert as convert
from fp_auth.app.erase_audit_addresses import EraseAuditAddresses
from fp_auth.app.read_audit import ExportAudit, ListAudit, VerifyAudit


class AuditServicer(AuditServiceServicer):
    def __init__(
        self, *, list_entries: ListAudit, export: ExportAudit, verify: VerifyAudit, erase: EraseAuditAddresses
    ) -> None:
        self._list = list_entries
        self._export = export
        self._verify = verify
        self._erase = erase

    async def ListAuditEntries(
        self, request: pb.ListAuditEntriesRequest, context: object
    ) -> pb.ListAuditEntriesResponse:
        team = current_call().team_scope(request.team)
        wanted = convert.wanted(request, team)
        times = (str(wanted.recorded_from), str(wanted.recorded_to))
        scope = ("audit", team, wanted.actor_id, wanted.method, wanted.resource_id, *times)
        asked = request.pagination
        page = await self._list(wanted, page_request(asked.page_size, asked.page_token, scope=scope), scope=scope)
        return convert.page_to_pb(page)

    async def ExportAuditEntries(
        self, request: pb.ExportAuditEntriesRequest, context: object
    ) -> AsyncIterator[pb.ExportAuditEntriesResponse]:
        team = current_call().team_scope(request.team)
        first, last = convert.day_of(request.from_day, "from_day"), convert.day_of(request.to_day, "to_day")
        async for entries in self._export(first, last, "" if team == convert.ALL_TEAMS else team):
            yield pb.ExportAuditEntriesResponse(
                entries=[convert.entry_to_pb(entry, with_mac=True) for entry in entries]
            )

    async def VerifyAuditLog(
        self, request: pb.VerifyAuditLogRequest, context: object
    ) -> AsyncIterator[pb.VerifyAuditLogResponse]:
        first, last = convert.day_of(request.from_day, "from_day"), convert.day_of(request.to_day, "to_day")
        async for verified in self._verify(first, last):
            yield convert.verified_to_pb(verified)

    async def EraseAuditAddresses(
        self, request: pb.EraseAuditAddressesRequest, context: object
    ) -> pb.EraseAuditAddressesResponse:
        return pb.EraseAuditAddressesResponse(erased=await self._erase(request.person_id))
