"""DeclarationService over gRPC."""

from collections.abc import Sequence

from forgepoint.auth.v1 import declarations_pb2 as pb
from forgepoint.auth.v1.declarations_pb2_grpc import DeclarationServiceServicer
from fp_rpc import caller, command
from fp_rpc.pagination import page_response
from fp_rpc.times import to_timestamp

from fp_auth.app.declarations import ListDeclaredObjects, RecordDeclaredObjects
from fp_auth.domain.declarations import DeclaredObject, Reference, parse_reference, parse_set


class DeclarationServicer(DeclarationServiceServicer):
    def __init__(self, *, record: RecordDeclaredObjects, list_objects: ListDeclaredObjects) -> None:
        self._record = record
        self._list_objects = list_objects

    async def ListDeclaredObjects(
        self, request: pb.ListDeclaredObjectsRequest, context: object
    ) -> pb.ListDeclaredObjectsResponse:
        page = await self._list_objects(
            caller().team,
            parse_set(request.set) if request.set else "",
            page_size=request.pagination.page_size,
            page_token=request.pagination.page_token,
        )
        return pb.ListDeclaredObjectsResponse(
            objects=map(_to_pb, page.items), pagination=page_response(page.next_token)
        )

    async def RecordDeclaredObjects(
        self, request: pb.RecordDeclaredObjectsRequest, context: object
    ) -> pb.RecordDeclaredObjectsResponse:
        await self._record(
            caller(),
            parse_set(request.set),
            applied=_references(request.applied, "applied"),
            removed=_references(request.removed, "removed"),
            command=command(request, lambda _: pb.RecordDeclaredObjectsResponse()),
        )
        return pb.RecordDeclaredObjectsResponse()


def _references(given: Sequence[pb.ObjectReference], field: str) -> list[Reference]:
    return [parse_reference(each.kind, each.name, f"{field}[{index}]") for index, each in enumerate(given)]


def _to_pb(found: DeclaredObject) -> pb.DeclaredObject:
    return pb.DeclaredObject(
        kind=found.reference.kind,
        name=found.reference.name,
        set=found.set_name,
        applied_by=found.applied_by,
        applied_at=to_timestamp(found.applied_at),
    )
