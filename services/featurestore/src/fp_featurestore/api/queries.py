"""The RPCs that only read."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence

from forgepoint.common.v1 import common_pb2
from forgepoint.featurestore.v1 import featurestore_pb2 as pb
from forgepoint.featurestore.v1.featurestore_pb2_grpc import FeatureStoreServiceServicer
from fp_kernel import invalid, page_request, parse_id
from fp_kernel.texts import check_length, is_text
from fp_rpc import caller
from fp_rpc.pagination import page_response_after

from fp_featurestore.api import convert, packed, training
from fp_featurestore.api.beside import beside
from fp_featurestore.api.values import instant_of
from fp_featurestore.app.get_historical import Past
from fp_featurestore.app.ports import ViewRef
from fp_featurestore.app.training_set import Head
from fp_featurestore.app.use_cases import UseCases
from fp_featurestore.app.vectors import MAX_ENTITIES, entities
from fp_featurestore.domain import text

_TOKEN = "pagination.page_token"  # noqa: S105 -- the name of a field


class QueryServicer(FeatureStoreServiceServicer):
    def __init__(self, use_cases: UseCases) -> None:
        self._ask = use_cases

    async def GetFeatureView(self, request: pb.GetFeatureViewRequest, context: object) -> pb.GetFeatureViewResponse:
        view = await self._ask.queries.view(caller().team, convert.ref_of(request))
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
        views, after = await self._ask.queries.views(team, request.name_filter, page)
        return pb.ListFeatureViewsResponse(
            feature_views=[convert.view_to_pb(view) for view in views], pagination=page_response_after(after, scope)
        )

    async def GetOnlineFeatures(
        self, request: pb.GetOnlineFeaturesRequest, context: object
    ) -> pb.GetOnlineFeaturesResponse:
        ref = ViewRef(id=parse_id(request.feature_view_id, "feature_view_id"))
        read = await self._ask.get_online(caller().team, ref, request.entity_ids, request.feature_names)
        message = await beside(packed.size(read.found), packed.online, read.found)
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
        read = await self._ask.get_historical(caller().team, ref, wanted[start:end], request.feature_names, past)
        message = await beside(packed.size(read.found), packed.historical, read.found)
        message.missing_entity_ids.extend(read.missing)
        message.pagination.CopyFrom(page_response_after(str(end) if end < len(wanted) else "", scope))
        return message

    async def GetTrainingSet(
        self, request: pb.GetTrainingSetRequest, context: object
    ) -> AsyncIterator[pb.GetTrainingSetResponse]:
        columns = None
        wanted = await beside(request.ByteSize(), training.wanted_of, request)
        async for part in self._ask.get_training_set(caller().team, wanted):
            if isinstance(part, Head):
                columns = part.columns
                yield training.head_to_pb(part)
            elif columns is not None:
                yield await asyncio.to_thread(training.rows_to_pb, part, columns)


def _past(request: pb.GetHistoricalFeaturesRequest) -> Past:
    if not request.HasField("as_of"):
        raise invalid("as_of", "must be set")
    as_of = instant_of(request.as_of, "as_of")
    known = instant_of(request.known_as_of, "known_as_of") if request.HasField("known_as_of") else as_of
    return Past(as_of, known)


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
