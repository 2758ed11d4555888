"""Asks a process whether it is ready; without a client library, so that the supervisor stays small."""

import asyncio
from dataclasses import dataclass

from fp_supervisor.loopback import HOST

_SECONDS = 2.0
_BODY_BYTES = 2048
_TEXT = 200
# A service asks its stores before it answers, and an idle platform does little else.
_READY_SECONDS = 3.0
# Somebody waits for one that starts; one that was not ready for long waits for somebody.
_SHORTEST_SECONDS, _LONGEST_SECONDS, _PART = 0.03, 1.0, 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """problem: the answer's body or the error, cut."""

    ready: bool
    problem: str = ""


def pause(answer: Answer, since: float) -> float:
    """Seconds until it is asked again. since: seconds since it was started."""
    if answer.ready:
        return _READY_SECONDS
    return min(max(_SHORTEST_SECONDS, _PART * since), _LONGEST_SECONDS)


async def ask(port: int, path: str = "/readyz") -> Answer:
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.read(_BODY_BYTES)
            finally:
                writer.close()
    except ConnectionRefusedError:
        return Answer(ready=False, problem="does not listen yet")
    except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return Answer(ready=False, problem="does not answer")
    if head.split(b" ", 2)[1:2] == [b"200"]:
        return Answer(ready=True)
    return Answer(ready=False, problem=body.decode("utf-8", "replace").strip()[:_TEXT])
