"""The HTTP answers that platforms and people ask for."""

from fp_telemetry import Metrics
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fp_runtime.health import HealthRegistry, Report

_OK = 200
_UNAVAILABLE = 503


def probes(noun: str, health: HealthRegistry, metrics: Metrics) -> Starlette:
    """/livez: the process answers. /readyz: it may get traffic. /healthz: the whole report. /metrics: Prometheus."""

    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "service": noun})

    async def readyz(_request: Request) -> Response:
        report = await health.check()
        return JSONResponse(_body(noun, report), _OK if report.ready else _UNAVAILABLE)

    async def healthz(_request: Request) -> Response:
        # Always 200: an orchestrator would restart the service for the fault of a store.
        return JSONResponse(_body(noun, await health.check()))

    async def exposition(_request: Request) -> Response:
        content, content_type = metrics.render()
        return Response(content, media_type=None, headers={"content-type": content_type})

    return Starlette(
        routes=[
            Route("/livez", livez),
            Route("/readyz", readyz),
            Route("/healthz", healthz),
            Route("/metrics", exposition),
        ]
    )


def _body(noun: str, report: Report) -> dict[str, object]:
    return {
        "status": report.status,
        "service": noun,
        "dependencies": dict(report.dependencies),
        "down": list(report.down),
        "failing": list(report.failing),
    }
