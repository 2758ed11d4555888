"""`/api/v1/dashboard`: four tiles from four services at once; one that fails does not take the page with it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from forgepoint.billing.v1 import billing_pb2
from forgepoint.common.v1 import common_pb2
from forgepoint.monitor.v1 import monitor_pb2
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_kernel import Error, Internal
from fp_rpc.errors import to_problem
from fp_rpc.pagination import page_response
from fp_telemetry import get_logger
from google.protobuf.message import Message
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as HttpRoute

from fp_gateway.http import protojson, route_table
from fp_gateway.http.responses import with_problems
from fp_gateway.http.rpc_client import RpcClient

_log = get_logger(__name__)

# Seconds for each call; a tile without its answer by then shows an error.
TIMEOUT: Final = 3.0

Question = tuple[str, Message]

_ACTIVE: Final = (
    pipeline_pb2.EXECUTION_STATUS_PENDING,
    pipeline_pb2.EXECUTION_STATUS_RUNNING,
    pipeline_pb2.EXECUTION_STATUS_COMPENSATING,
)
# Only the total of the list is shown.
_ONE: Final = common_pb2.PaginationRequest(page_size=1)
# Answers of one tile are lists of the same kind; they become one, newest first.
TILES: Final[Mapping[str, Sequence[Question]]] = {
    "models": ((route_table.MODELS, registry_pb2.ListModelsRequest(with_total=True, pagination=_ONE)),),
    "activeExecutions": tuple(
        (route_table.EXECUTIONS, pipeline_pb2.ListExecutionsRequest(status_filter=status)) for status in _ACTIVE
    ),
    "recentDrift": (
        (
            route_table.DRIFT_REPORTS,
            monitor_pb2.ListDriftReportsRequest(pagination=common_pb2.PaginationRequest(page_size=5)),
        ),
    ),
    "usage": ((route_table.USAGE, billing_pb2.GetUsageRequest()),),
}


def routes(rpc: RpcClient, limit: float = TIMEOUT) -> list[BaseRoute]:
    async def dashboard(request: Request) -> Response:
        async with asyncio.TaskGroup() as group:
            asked = {
                name: [group.create_task(_answer(rpc, question, request, limit)) for question in questions]
                for name, questions in TILES.items()
            }
        document = {name: _tile([task.result() for task in tasks]) for name, tasks in asked.items()}
        return Response(orjson.dumps(document), media_type="application/json", headers={"cache-control": "no-store"})

    return [HttpRoute("/api/v1/dashboard", with_problems(dashboard), methods=["GET"])]


async def _answer(rpc: RpcClient, question: Question, request: Request, limit: float) -> Message | Error:
    path, message = question
    try:
        response, _ = await rpc.unary(path, message, request, limit)
    except Error as error:
        return error
    except Exception:  # noqa: BLE001 -- one tile must not take the page with it
        _log.exception("dashboard tile failed", method=path)
        return Internal("internal error")
    return response


def _tile(answers: Sequence[Message | Error]) -> dict[str, Any]:
    messages: list[Message] = []
    for answer in answers:
        if isinstance(answer, Error):
            return {"ok": False, "error": to_problem(answer)["error"]["message"]}
        messages.append(answer)
    return {"ok": True, "data": _data(_together(messages))}


def _data(message: Message) -> Any:
    if isinstance(message, registry_pb2.ListModelsResponse):
        return {"total": message.pagination.total_count}
    return orjson.Fragment(protojson.to_json(message))


def _together(messages: Sequence[Message]) -> Message:
    first, *others = messages
    if isinstance(first, pipeline_pb2.ListExecutionsResponse) and others:
        # Ids are ordered by time.
        found = sorted(
            (one for message in messages for one in message.executions),  # type: ignore[attr-defined]
            key=lambda one: one.id,
            reverse=True,
        )
        pagination = page_response("")
        return pipeline_pb2.ListExecutionsResponse(executions=found, pagination=pagination)
    return first
