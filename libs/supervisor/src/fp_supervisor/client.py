"""The client of the supervisor's socket; standard library only.

Every call is one short connection, so that a restarted supervisor needs no reconnecting.
"""

import asyncio
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fp_kernel.errors import BY_KIND, DeadlineExceeded, Error, FieldViolation, Internal, Kind, Unavailable

from fp_supervisor import unix_path
from fp_supervisor.reports import (
    Access,
    Job,
    LogPage,
    Process,
    ProcessSpec,
    ProcessState,
    Runtime,
    Status,
    job_from,
    page_from,
    runtime_from,
    status_from,
)

MAX_LINE_BYTES = 4 * 1024 * 1024
_SECONDS = 60.0
# Stopping waits for the process: its grace, then the kill.
_STOP_SECONDS = 180.0
_POLL_SECONDS = 0.05


class SupervisorClient:
    """Calls raise fp_kernel errors: those of the supervisor as they are, Unavailable when it does not answer,
    DeadlineExceeded when it does not answer in time.
    """

    def __init__(self, socket_path: Path | str, *, timeout: float = _SECONDS) -> None:
        self._path = Path(socket_path)
        self._timeout = timeout

    async def status(self, *, memory: bool = True) -> Status:
        """memory: False is quicker and leaves it 0."""
        return status_from(await self._call("status", memory=memory))

    async def access(self) -> Access:
        """Addresses and the first admin's login; every user who may open the socket may know them."""
        return Access(**await self._call("access"))

    async def wait_ready(self, seconds: float) -> Status:
        """Polls until every store and service is ready, for at most `seconds`.

        Raises DeadlineExceeded naming what is not.
        """
        deadline = time.monotonic() + seconds
        while True:
            status = await self.status(memory=False)
            if status.ready:
                return status
            if time.monotonic() >= deadline:
                late = [f"{each.name} ({each.problem or each.state})" for each in status.processes if _counts(each)]
                raise DeadlineExceeded(f"not ready after {seconds:g} s: {', '.join(late) or status.phase}")
            await asyncio.sleep(_POLL_SECONDS)

    async def start_runtime(self, name: str, spec: ProcessSpec) -> Runtime:
        """Returns at once; idempotent by name: the runtime that has it is answered.

        Raises AlreadyExists when that one has another spec, InvalidArgument for a bad name, module or environment.
        """
        return runtime_from(await self._call("start_runtime", name=name, spec=asdict(spec)))

    async def stop_runtime(self, name: str) -> None:
        """Returns when its process has ended and its port is free; a name that is unknown is fine."""
        await self._call("stop_runtime", _STOP_SECONDS, name=name)

    async def runtime(self, name: str) -> Runtime:
        """Raises NotFound."""
        return runtime_from(await self._call("runtime", name=name))

    async def runtimes(self, prefix: str = "") -> tuple[Runtime, ...]:
        return tuple(runtime_from(each) for each in await self._call("runtimes", prefix=prefix))

    async def start_job(self, name: str, spec: ProcessSpec) -> Job:
        """Returns at once; a job runs once: its name answers the same job also when it has ended.

        Raises AlreadyExists when that one has another module, InvalidArgument for a bad name, module or environment.
        """
        return job_from(await self._call("start_job", name=name, spec=asdict(spec)))

    async def job(self, name: str) -> Job:
        """Raises NotFound."""
        return job_from(await self._call("job", name=name))

    async def jobs(self, prefix: str = "") -> tuple[Job, ...]:
        return tuple(job_from(each) for each in await self._call("jobs", prefix=prefix))

    async def stop_job(self, name: str) -> Job:
        """Ends it when it runs (it is FAILED then) and answers when it has ended.

        Raises NotFound.
        """
        return job_from(await self._call("stop_job", _STOP_SECONDS, name=name))

    async def job_log(self, name: str, after_line: int = 0, *, limit: int = 1000) -> LogPage:
        """Lines after the first `after_line` ones, at most `limit`; the supervisor caps that and a page's bytes.

        Raises NotFound.
        """
        return page_from(await self._call("job_log", name=name, after_line=after_line, limit=limit))

    async def restart(self, name: str) -> None:
        """Ends a service or runtime gracefully and starts it again.

        Raises NotFound.
        """
        await self._call("restart", _STOP_SECONDS, name=name)

    async def renew_logins(self) -> None:
        """Gives services, the operator and administrators new passwords at the stores, and starts the services again.

        Raises Unavailable while the supervisor starts or stops, and where not everybody has them: it goes on then.
        """
        await self._call("renew_logins", _STOP_SECONDS)

    async def shutdown(self) -> None:
        """Stops everything; returns when all but the supervisor itself has ended, which follows at once."""
        await self._call("shutdown", _STOP_SECONDS)

    async def _call(self, operation: str, seconds: float = 0.0, **arguments: Any) -> Any:
        seconds = seconds or self._timeout
        try:
            async with asyncio.timeout(seconds):
                answer = await self._exchange({"operation": operation, **arguments})
        except TimeoutError:
            raise DeadlineExceeded(f"the supervisor did not answer {operation} within {seconds:g} s") from None
        if "error" in answer:
            raise _error(answer["error"])
        return answer["result"]

    async def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            with unix_path.address(self._path) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=MAX_LINE_BYTES)
        except OSError:
            raise Unavailable(f"no supervisor answers at {self._path}", retry_after=1.0) from None
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
        except (OSError, ValueError):
            line = b""
        finally:
            writer.close()
        if not line:
            raise Unavailable("the supervisor ended during the call", retry_after=1.0)
        answer: dict[str, Any] = json.loads(line)
        return answer


def _counts(process: Process) -> bool:
    return process.kind in {"store", "service"} and process.state is not ProcessState.READY


def _error(content: dict[str, Any]) -> Error:
    cls = BY_KIND.get(Kind(content["kind"]), Internal)
    fields = tuple(FieldViolation(**each) for each in content.get("fields", ()))
    return cls(content["message"], reason=content.get("reason", ""), fields=fields)
