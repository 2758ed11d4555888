"""The HTTP servers of a service beside its probes."""

import asyncio

from fp_rpc.tls.certificates import Certificates
from fp_rpc.tls.http import ServerContexts
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from fp_runtime.http import HttpServer
from fp_runtime.settings import ServiceSettings, variable


class Listeners:
    """By TLS where there are certificates, also for clients without one: what answers there judges by credentials."""

    def __init__(self, settings: ServiceSettings, certificates: Certificates | None, probes: Starlette) -> None:
        self._settings = settings
        self._certificates = certificates
        self._probes = probes
        self._servers: list[HttpServer] = []
        self._routes: list[Route] = []
        self._https: HttpServer | None = None

    @property
    def https_port(self) -> int:
        """Of the own routes, once they are started; 0 where they are beside the probes."""
        return self._https.port if self._https is not None else 0

    def route(self, route: Route) -> None:
        self._routes.append(route)

    def add(self, name: str, app: ASGIApp, port: int) -> HttpServer:
        tls = ServerContexts(self._certificates, clients=False) if self._certificates is not None else None
        server = HttpServer(app, name=name, host=self._settings.bind_host, port=port, tls=tls)
        self._servers.append(server)
        return server

    async def start(self, group: asyncio.TaskGroup) -> None:
        if self._certificates is None:
            self._probes.router.routes.extend(self._routes)
        elif self._routes:
            # The port of the probes is open to whatever probes, in clear text.
            self._https = self.add(variable("https_port"), Starlette(routes=self._routes), self._settings.https_port)
        for server in self._servers:
            await server.start(group)

    @property
    def servers(self) -> tuple[HttpServer, ...]:
        return tuple(self._servers)
