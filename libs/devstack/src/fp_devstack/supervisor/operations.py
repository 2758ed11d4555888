"""The operations of the socket, one for each method of the client."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fp_supervisor import ProcessSpec

from fp_devstack.supervisor import overview
from fp_devstack.supervisor.control import Operation
from fp_devstack.supervisor.platform import Platform

Request = dict[str, Any]


class Operations:
    """Each takes the fields of a request and gives what JSON can hold."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Mapping[str, Operation]:
        return {
            "status": self.status,
            "access": self.access,
            "restart": self.restart,
            "renew_logins": self.renew_logins,
            "shutdown": self.shutdown,
            "start_runtime": self.start_runtime,
            "stop_runtime": self.stop_runtime,
            "runtime": self.runtime,
            "runtimes": self.runtimes,
            "start_job": self.start_job,
            "stop_job": self.stop_job,
            "job": self.job,
            "jobs": self.jobs,
            "job_log": self.job_log,
        }

    async def status(self, request: Request) -> Any:
        return asdict(await overview.status(self._platform, memory=bool(request.get("memory", True))))

    async def access(self, _: Request) -> Any:
        return asdict(self._platform.access())

    async def restart(self, request: Request) -> None:
        await self._platform.restart(_text(request, "name"))

    async def renew_logins(self, _: Request) -> None:
        await self._platform.renew_logins()

    async def shutdown(self, _: Request) -> None:
        self._platform.request_stop()
        await self._platform.stopped.wait()

    async def start_runtime(self, request: Request) -> Any:
        return asdict(await self._platform.runtimes.start(_text(request, "name"), _spec(request)))

    async def stop_runtime(self, request: Request) -> None:
        await self._platform.runtimes.stop(_text(request, "name"))

    async def runtime(self, request: Request) -> Any:
        return asdict(self._platform.runtimes.report(_text(request, "name")))

    async def runtimes(self, request: Request) -> Any:
        return [asdict(each) for each in self._platform.runtimes.named(_text(request, "prefix"))]

    async def start_job(self, request: Request) -> Any:
        return asdict(self._platform.jobs.start(_text(request, "name"), _spec(request)))

    async def stop_job(self, request: Request) -> Any:
        return asdict(await self._platform.jobs.stop(_text(request, "name")))

    async def job(self, request: Request) -> Any:
        return asdict(self._platform.jobs.report(_text(request, "name")))

    async def jobs(self, request: Request) -> Any:
        return [asdict(each) for each in self._platform.jobs.named(_text(request, "prefix"))]

    async def job_log(self, request: Request) -> Any:
        after, limit = int(request["after_line"]), int(request["limit"])
        return asdict(await self._platform.jobs.log(_text(request, "name"), after, limit))


def _text(request: Request, field: str) -> str:
    value = request[field]
    if not isinstance(value, str):
        raise TypeError(f"{field} must be text")
    return value


def _spec(request: Request) -> ProcessSpec:
    spec = request["spec"]
    environment = {str(name): str(value) for name, value in spec["environment"].items()}
    arguments = tuple(str(each) for each in spec["arguments"])
    return ProcessSpec(str(spec["module"]), environment, arguments, str(spec.get("group", "")))
