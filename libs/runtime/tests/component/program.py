"""A service whose behaviour the tests choose by FP_MODE."""

import asyncio
import gc
import os
import sys
import threading

import fp_runtime
from fp_runtime import Runtime, ServiceSettings
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response


class Settings(ServiceSettings):
    mode: str = "plain"


async def _refuse() -> None:
    raise ConnectionRefusedError(f"cannot reach {os.environ['FP_SERVICE_SECRET']}")


async def _nothing(_value: object) -> None:
    """Always there."""


async def _slow(_request: Request) -> Response:
    sys.stderr.write('{"message": "in hand"}\n')
    await asyncio.sleep(0.3)
    return PlainTextResponse("done")


async def _collector(_request: Request) -> Response:
    return PlainTextResponse(f"{gc.get_freeze_count()} {len(gc.get_objects())}")


async def _endless(_request: Request) -> Response:
    sys.stderr.write('{"message": "in hand"}\n')
    await asyncio.Event().wait()
    return PlainTextResponse("never")


async def _break() -> None:
    raise RuntimeError("the relay is broken")


async def _block() -> None:
    threading.Event().wait()


async def _say_closed() -> None:
    sys.stderr.write('{"message": "closed"}\n')


async def serve(runtime: Runtime, settings: Settings) -> None:
    runtime.on_close(_say_closed)
    match settings.mode:
        case "absent store":
            fp_runtime.opening.PATIENCE = 0.2
            await runtime.hard("postgres", _refuse, _nothing, _nothing)
        case "broken task":
            runtime.task("relay", _break())
        case "broken serve":
            raise RuntimeError("a fault of ours")
        case "slow call":
            runtime.route("/call", _slow)
        case "endless call":
            runtime.route("/call", _endless)
        case "collector":
            runtime.route("/call", _collector)
        case "blocked loop":
            fp_runtime.process.CLOSE_TIMEOUT = 0.1
            runtime.on_close(_block)
    await runtime.serve(None)


def main() -> None:
    fp_runtime.main("example", Settings, serve)


def zygote(count: int) -> None:
    """Fork as the supervisor does: one import, many services."""
    children = []
    for _ in range(count):
        child = os.fork()
        if not child:
            main()
            os._exit(0)
        children.append(child)
    sys.stdout.write(f"{children}\n")
    sys.stdout.flush()
    for child in children:
        _, status = os.waitpid(child, 0)
        if status:
            sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    zygote(int(sys.argv[1])) if sys.argv[1:] else main()
