"""forgepoint.featurestore.v1.FeatureStoreService."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence

from forgepoint.common.v1 import common_pb2
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceServicer
from fp_kernel import invalid, off_loop, page_request, parse_id
from fp_kernel.texts import check_length, is_text
from fp_rpc import caller, command, expected_revision
from fp_rpc.pagination import page_response_after

from fp_featurestore.api import convert, packed, training
from fp_featurestore.api.values import instant_of
from fp_featurestore.app.define_view import DefineView
from fp_featurestore.app.delete_view import DeleteView
from fp_featurestore.app.get_historical import GetHistorical, PointInTime
from fp_featurestore.app.get_online import GetOnline
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.app.queries import Queries
from fp_featurestore.app.rebuild import Rebuild
from fp_featurestore.app.training_set import GetTrainingSet, Head
from fp_featurestore.app.vectors import MAX_ENTITIES, entities
from fp_featurestore.app.write_features import WriteFeatures
from fp_featurestore.domain import text
from fp_featurestore.domain.view import View

# Rows are Python objects one by one: fewer bytes than elsewhere take a millisecond.
_SMALL = 16 * 1024
_TOKEN = "pagination.page_token"  # noqa: S105 -- the name of a field


class FeatureStoreServicer(FeatureStoreServiceServicer):
    def __init__(
        self,
        *,
        queries: Queries,
        define_view: DefineView,
        delete_view: DeleteView,
        write_features: WriteFeatures,
        get_online: GetOnline,
        get_historical: GetHistorical,
        get_training_set: GetTrainingSet,
        rebuild: Rebuild,
    ) -> None:
        self._queries = queries
        self._define_view = define_view
        self._delete_view = delete_view
        self._write_features = write_features
        self._get_online = get_online
        self._get_historical = get_historical
        self._get_training_set = get_training_set
        self._rebuild = rebuild

    async def DefineFeatureView(
        self, request: pb.DefineFeatureViewRequest, context: object
    ) -> pb.DefineFeatureViewResponse:
        definition = convert.definition_of(request)
        asked, expected = command(request, _defined), expected_revision(request)
        return _defined(await self._define_view(definition, caller(), asked, expected=expected))

    async def WriteFeatures(self, request: pb.WriteFeaturesRequest, context: object) -> pb.WriteFeaturesResponse:
        view_id = parse_id(request.feature_view_id, "feature_view_id")
        rows = await off_loop(request.ByteSize(), lambda: convert.rows_of(request), small=_SMALL)
        written = await self._write_features(view_id, rows, caller(), command(request, convert.written_to_pb))
        return convert.written_to_pb(written)

    async def DeleteFeatureView(
        self, request: pb.DeleteFeatureViewRequest, context: object
    ) -> pb.DeleteFeatureViewResponse:
        view_id = parse_id(request.feature_view_id, "feature_view_id")
        asked, expected = command(request, _deleted), expected_revision(request)
        return _deleted(await self._delete_view(view_id, caller(), asked, expected=expected))

    async def RebuildViews(
        self, request: pb.RebuildViewsRequest, context: object
    ) -> AsyncIterator[pb.RebuildViewsResponse]:
        view_id = parse_id(request.feature_view_id, "feature_view_id") if request.feature_view_id else ""
        target = convert.target_of(request.target)
        async for progress in self._rebuild(caller().team, view_id, target):
            yield convert.progress_to_pb(progress)

    async def GetFeatureView(self, request: pb.GetFeatureViewRequest, context: object) -> pb.GetFeatureViewResponse:
        view = await self._queries.view(caller().team, convert.ref_of(request))
        return pb.GetFeatureViewResponse(feature_view=convert.view_to_pb(view))

    async def ListFeatureViews(
        self, request: pb.ListFeatureViewsRequest, context: object
    ) -> pb.ListFeatureViewsResponse:
        check_length(request.name_filter, "name_filter", text.MAX_NAME)
        if not is_text(request.name_filter):
            raise invalid("name_filter", "must be one line without control characters")
        team = caller().team
        scope = ("views", team, request.name_filter)
        page = page_request(request.pagination.page_size, request.pagination.page_token, scope=scope)
        if page.after:
            parse_id(page.after[0], _TOKEN)
        views, after = await self._queries.views(team, request.name_filter, page)
        return pb.ListFeatureViewsResponse(
            feature_views=[convert.view_to_pb(view) for view in views], pagination=page_response_after(after, scope)
        )

    async def GetOnlineFeatures(
        self, request: pb.GetOnlineFeaturesRequest, context: object
    ) -> pb.GetOnlineFeaturesResponse:
        ref = ViewRef(id=parse_id(request.feature_view_id, "feature_view_id"))
        read = await self._get_online(caller().team, ref, request.entity_ids, request.feature_names)
        message = await off_loop(packed.size(read.found), lambda: packed.online(read.found), small=_SMALL)
        message.missing_entity_ids.extend(read.missing)
        return message

    async def GetHistoricalFeatures(
        self, request: pb.GetHistoricalFeaturesRequest, context: object
    ) -> pb.GetHistoricalFeaturesResponse:
        ref = ViewRef(id=parse_id(request.feature_view_id, "feature_view_id"))
        past = _past(request)
        wanted = entities(request.entity_ids)
        scope = (caller().team, ref.id, str(past), *request.feature_names, _digest(wanted))
        start, end = _bounds(request.pagination, scope, len(wanted))
        read = await self._get_historical(caller().team, ref, wanted[start:end], request.feature_names, past)
        message = await off_loop(packed.size(read.found), lambda: packed.historical(read.found), small=_SMALL)
        message.missing_entity_ids.extend(read.missing)
        message.pagination.CopyFrom(page_response_after(str(end) if end < len(wanted) else "", scope))
        return message

    async def GetTrainingSet(
        self, request: pb.GetTrainingSetRequest, context: object
    ) -> AsyncIterator[pb.GetTrainingSetResponse]:
        columns = None
        wanted = await off_loop(request.ByteSize(), lambda: training.wanted_of(request), small=_SMALL)
        async for part in self._get_training_set(caller().team, wanted):
            if isinstance(part, Head):
                columns = part.columns
                yield training.head_to_pb(part)
            elif columns is not None:
                yield await asyncio.to_thread(training.rows_to_pb, part, columns)


def _past(request: pb.GetHistoricalFeaturesRequest) -> PointInTime:
    if not request.HasField("as_of"):
        raise invalid("as_of", "must be set")
    as_of = instant_of(request.as_of, "as_of")
    known = instant_of(request.known_as_of, "known_as_of") if request.HasField("known_as_of") else as_of
    return PointInTime(as_of, known)


def _bounds(pagination: common_pb2.PaginationRequest, scope: Sequence[str], count: int) -> tuple[int, int]:
    """Which of the entities a page holds; all of them when no size is asked for."""
    page = page_request(
        pagination.page_size, pagination.page_token, scope=scope, default=MAX_ENTITIES, cap=MAX_ENTITIES
    )
    start = 0
    if page.after:
        place = page.after[0]
        if not (place.isascii() and place.isdecimal() and len(place) < len(str(MAX_ENTITIES)) and int(place) < count):
            raise invalid(_TOKEN, "is not a token of this list")
        start = int(place)
    return start, min(start + page.size, count)


def _digest(entity_ids: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(entity_ids).encode()).hexdigest()


def _defined(view: View) -> pb.DefineFeatureViewResponse:
    return pb.DefineFeatureViewResponse(feature_view=convert.view_to_pb(view))


def _deleted(view: View) -> pb.DeleteFeatureViewResponse:
    return pb.DeleteFeatureViewResponse(feature_view=convert.view_to_pb(view))
