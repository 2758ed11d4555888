"""PredictionLogService over gRPC."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from forgepoint.monitor.v1 import prediction_log_pb2 as pb
from forgepoint.monitor.v1 import prediction_log_pb2_grpc
from fp_kernel import invalid
from fp_rpc import caller, command, expected_revision

from fp_monitor.api import log_convert as convert
from fp_monitor.app.read_log import ReadLog
from fp_monitor.app.set_log import DeleteLog, EraseLogged, SetLog
from fp_monitor.domain.entities import erased_entity
from fp_monitor.domain.log import Logged
from fp_monitor.domain.monitor import check_name
from fp_monitor.domain.prediction import MAX_REQUEST_ID

_PIECE = 256 * 1024


class PredictionLogServicer(prediction_log_pb2_grpc.PredictionLogServiceServicer):
    def __init__(
        self,
        *,
        set_log: SetLog,
        delete_log: DeleteLog,
        erase: EraseLogged,
        read: ReadLog,
        encode: Callable[[Sequence[Logged]], bytes],
    ) -> None:
        self._set = set_log
        self._delete = delete_log
        self._erase = erase
        self._read = read
        self._encode = encode

    async def SetPredictionLog(
        self, request: pb.SetPredictionLogRequest, context: object
    ) -> pb.SetPredictionLogResponse:
        wanted, asked = convert.wanted_from_pb(request), command(request, convert.set_to_pb)
        expected, by = expected_revision(request), caller().user_id
        return convert.set_to_pb(await self._set(caller().team, wanted, asked, by=by, expected=expected))

    async def GetPredictionLog(
        self, request: pb.GetPredictionLogRequest, context: object
    ) -> pb.GetPredictionLogResponse:
        return convert.stored_to_pb(*await self._read.policy(caller().team, check_name(request.model_name)))

    async def ListPredictionLogs(
        self, request: pb.ListPredictionLogsRequest, context: object
    ) -> pb.ListPredictionLogsResponse:
        size, token = request.pagination.page_size, request.pagination.page_token
        return convert.policies_to_pb(await self._read.policies(caller().team, size, token))

    async def DeletePredictionLog(
        self, request: pb.DeletePredictionLogRequest, context: object
    ) -> pb.DeletePredictionLogResponse:
        asked = command(request, lambda _: pb.DeletePredictionLogResponse())
        expected = expected_revision(request)
        await self._delete(caller().team, check_name(request.model_name), asked, expected=expected)
        return pb.DeletePredictionLogResponse()

    async def ListLoggedModels(
        self, request: pb.ListLoggedModelsRequest, context: object
    ) -> pb.ListLoggedModelsResponse:
        size, token = request.pagination.page_size, request.pagination.page_token
        return convert.models_to_pb(await self._read.logged(size, token))

    async def ListPredictions(self, request: pb.ListPredictionsRequest, context: object) -> pb.ListPredictionsResponse:
        chosen = convert.chosen_from_pb(caller().team, request)
        size, token = request.pagination.page_size, request.pagination.page_token
        return convert.predictions_to_pb(chosen.model_name, await self._read.predictions(chosen, size, token))

    async def GetPrediction(self, request: pb.GetPredictionRequest, context: object) -> pb.GetPredictionResponse:
        name = check_name(request.model_name)
        if not 1 <= len(request.request_id) <= MAX_REQUEST_ID:
            raise invalid("request_id", f"must be 1 to {MAX_REQUEST_ID} characters")
        found = await self._read.prediction(caller().team, name, request.request_id)
        return pb.GetPredictionResponse(prediction=convert.record_to_pb(name, found))

    async def ExportPredictions(
        self, request: pb.ExportPredictionsRequest, context: object
    ) -> AsyncIterator[pb.ExportPredictionsResponse]:
        async for some in self._read.exported(convert.chosen_from_pb(caller().team, request)):
            content = await asyncio.to_thread(self._encode, some)
            for start in range(0, len(content), _PIECE):
                last = start + _PIECE >= len(content)
                piece = content[start : start + _PIECE]
                yield pb.ExportPredictionsResponse(data=piece, last=last, predictions=len(some) if last else 0)

    async def ErasePredictions(
        self, request: pb.ErasePredictionsRequest, context: object
    ) -> pb.ErasePredictionsResponse:
        asked, name = command(request, lambda _: pb.ErasePredictionsResponse()), check_name(request.model_name)
        if not request.HasField("entity"):
            await self._erase(caller().team, name, request.request_ids, asked)
        elif request.request_ids:
            raise invalid("entity", "is not said together with request_ids")
        else:
            entity = erased_entity(request.entity.name, request.entity.value)
            await self._erase.entity(caller().team, name, entity, asked)
        return pb.ErasePredictionsResponse()
