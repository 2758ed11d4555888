"""An ASGI server that belongs to the runtime: no signal handlers and no access log of its own."""

from starlette.types import ASGIApp


class HttpServer:
    """Serves one ASGI application on one address."""

    def __init__(self, app: ASGIApp, *, name: str, host: str, port: int) -> None:
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port it listens on; known after `start`."""
        raise NotImplementedError

    async def start(self) -> None:
        """Listen. Raises StartFailed when the address cannot be had."""
        raise NotImplementedError

    async def stop(self, grace: float) -> None:
        """Refuse new connections, give running requests `grace` seconds, then cut them."""
        raise NotImplementedError
