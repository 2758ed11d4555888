"""Headers that every answer has, unless its route set them: what browsers must not do with it."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# As OWASP lists them for REST; the pages for people have stricter ones of their own.
_ALWAYS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_OVER_HTTPS: Final = (b"strict-transport-security", b"max-age=31536000")
EXPOSED: Final = ("x-request-id", "fp-position", "fp-replayed", "retry-after", "deprecation", "sunset", "link")
"""What scripts of other origins may read, where CORS lets them call."""


class ResponseHeaders:
    """secure: whether browsers reach us by HTTPS only."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._fixed = (*_ALWAYS, _OVER_HTTPS) if secure else _ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in self._fixed if pair[0] not in given)]
            await send(message)

        await self._app(scope, receive, completed if scope["type"] == "http" else send)
