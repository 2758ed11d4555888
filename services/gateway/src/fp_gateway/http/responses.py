"""Responses: JSON, and RFC 9457 problems for errors."""

import math
from collections.abc import Awaitable, Callable

import orjson
from fp_kernel import Error, Internal
from fp_rpc.errors import to_problem
from fp_telemetry import get_logger
from starlette.requests import Request
from starlette.responses import Response

_log = get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


def problem(error: Error) -> Response:
    headers = {}
    if error.retry_after is not None:
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after)))
    document = to_problem(error)
    return Response(orjson.dumps(document), document["status"], headers, "application/problem+json")


def with_problems(handler: Handler) -> Handler:
    """Turn what a handler raises into a problem; the cause of an unknown failure goes to the log alone."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Error as error:
            return problem(error)
        except Exception:  # noqa: BLE001 -- the last place before the caller
            _log.exception("http handler failed", path=request.url.path)
            return problem(Internal("internal error"))

    return answer
