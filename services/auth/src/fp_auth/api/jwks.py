"""`GET /.well-known/jwks.json`: where every service finds the keys that verify tokens."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

PATH = "/.well-known/jwks.json"
_MAX_AGE = 300
"""Seconds; far below the time that a key is published before it signs."""


def jwks_route(jwks: Callable[[], str]) -> Callable[[Request], Awaitable[Response]]:
    async def answer(_: Request) -> Response:
        headers = {"cache-control": f"public, max-age={_MAX_AGE}"}
        return Response(jwks(), media_type="application/jwk-set+json", headers=headers)

    return answer
