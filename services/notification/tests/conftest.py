"""What unit, integration and component tests share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from fp_kernel import new_id
from fp_notification.domain.matching import Facts
from fp_notification.domain.severity import Severity
from fp_testkit.patience import PATIENCE

NOON = datetime(2013, 6, 1, 12, tzinfo=UTC)


@dataclass
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Someone's webhook. answers: status lines to give in turn, the last one for ever; None hangs up."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    answers: list[str | None] = field(default_factory=lambda: ["204 No Content"])
    headers: str = ""
    heard: Callable[[], None] = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?a=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            raw = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(Request(head[0], {name.lower(): value for name, value in raw.items()}, body))
            self.heard()
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is not None:
                writer.write(f"HTTP/1.1 {answer}\r\n{self.headers}content-length: 0\r\n\r\n".encode())
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def received(self, count: int) -> list[Request]:
        async with asyncio.timeout(PATIENCE):
            while len(self.requests) < count:
                await asyncio.sleep(0.01)
        return self.requests


@pytest.fixture
async def receiver():
    made = Receiver()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()
    await server.wait_closed()


def _facts(event_type="fp.models.drift.detected", severity=Severity.WARNING, **more):
    given = {
        "event_id": new_id(),
        "type": event_type,
        "team": "alpha",
        "severity": severity,
        "source": "monitor",
        "resource_id": "m1",
        "summary": "Model delays drifts.",
        "actor": "",
        "time": NOON,
    }
    return Facts(**(given | more))


@pytest.fixture(scope="session")
def facts():
    return _facts
