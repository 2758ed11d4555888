"""The RPCs that change something."""

from collections.abc import AsyncIterator

from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceServicer
from fp_kernel import parse_id
from fp_rpc import caller, command

from fp_featurestore.api import convert
from fp_featurestore.api.beside import beside
from fp_featurestore.app.use_cases import UseCases
from fp_featurestore.domain.view import View


class CommandServicer(FeatureStoreServiceServicer):
    def __init__(self, use_cases: UseCases) -> None:
        self._do = use_cases

    async def DefineFeatureView(
        self, request: pb.DefineFeatureViewRequest, context: object
    ) -> pb.DefineFeatureViewResponse:
        definition = convert.definition_of(request)
        return _defined(await self._do.define_view(definition, caller(), command(request, _defined)))

    async def WriteFeatures(self, request: pb.WriteFeaturesRequest, context: object) -> pb.WriteFeaturesResponse:
        view_id = parse_id(request.feature_view_id, "feature_view_id")
        rows = await beside(request.ByteSize(), convert.rows_of, request)
        written = await self._do.write_features(view_id, rows, caller(), command(request, convert.written_to_pb))
        return convert.written_to_pb(written)

    async def DeleteFeatureView(
        self, request: pb.DeleteFeatureViewRequest, context: object
    ) -> pb.DeleteFeatureViewResponse:
        view_id = parse_id(request.feature_view_id, "feature_view_id")
        return _deleted(await self._do.delete_view(view_id, caller(), command(request, _deleted)))

    async def RebuildViews(
        self, request: pb.RebuildViewsRequest, context: object
    ) -> AsyncIterator[pb.RebuildViewsResponse]:
        view_id = parse_id(request.feature_view_id, "feature_view_id") if request.feature_view_id else ""
        target = convert.target_of(request.target)
        async for progress in self._do.rebuild(caller().team, view_id, target):
            yield convert.progress_to_pb(progress)


def _defined(view: View) -> pb.DefineFeatureViewResponse:
    return pb.DefineFeatureViewResponse(feature_view=convert.view_to_pb(view))


def _deleted(view: View) -> pb.DeleteFeatureViewResponse:
    return pb.DeleteFeatureViewResponse(feature_view=convert.view_to_pb(view))
