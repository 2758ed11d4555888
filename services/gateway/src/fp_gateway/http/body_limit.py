"""A limit on the bytes of request bodies in memory: they are read before the service behind has verified the sender."""

from fp_kernel import ResourceExhausted
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A request of this size is always taken: large requests must not shut out small ones.
_SMALL = 64 * 1024


class BodyLimit:
    """Bytes of bodies, counted from their arrival to the end of their request.

    room: of all requests together; beyond it a large one is refused.
    """

    def __init__(self, app: ASGIApp, *, room: int = 256 * 1024 * 1024) -> None:
        self._app = app
        self._room = room
        self.held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = 0

        async def counted() -> Message:
            nonlocal own
            message = await receive()
            size = len(message.get("body", b""))
            own += size
            self.held += size
            if own > _SMALL and self.held > self._room:
                raise ResourceExhausted("too many large requests at once", reason="NO_ROOM", retry_after=1.0)
            return message

        try:
            await self._app(scope, counted, send)
        finally:
            self.held -= own
