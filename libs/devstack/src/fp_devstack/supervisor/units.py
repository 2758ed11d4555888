"""Makes units and jobs' requests out of services and specs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fp_edge import admin
from fp_supervisor import ProcessSpec

from fp_devstack.endpoints import Endpoints
from fp_devstack.supervisor import names
from fp_devstack.supervisor.catalog import EDGE, JOB_NICENESS, RUNTIME, Service
from fp_devstack.supervisor.environment import Environments
from fp_devstack.supervisor.logfile import LogFile
from fp_devstack.supervisor.unit import Unit
from fp_devstack.supervisor.zygote_link import Zygote
from fp_devstack.zygote.wire import Fork

_PORTS = ("grpc", "http")
# Streams that go on longer are cut; the rest of the platform waits behind it.
_DRAIN_SECONDS = 5.0
_RUNTIME = "runtime/"  # the owner of ports: a runtime may be called as a service is


@dataclass(frozen=True, slots=True)
class Units:
    """grace: seconds a process has between SIGTERM and SIGKILL."""

    environments: Environments
    zygote: Zygote
    grace: float

    def ports(self, service: Service) -> tuple[str, ...]:
        """What it is for comes first: `fp status` shows that one."""
        return (*service.listens, *service.ports) if service.rpc else (*service.ports, *service.listens)

    def service(self, service: Service, endpoints: Callable[[], Endpoints], database_url: Callable[[], str]) -> Unit:
        def request() -> Fork:
            environment = self.environments.service(service, endpoints(), database_url() if service.database else "")
            return self._fork(service.noun, service.program, (), environment)

        owner, log = service.noun, LogFile(self.environments.folder / "logs" / f"{service.noun}.log")
        return self._unit(owner, request, log, self.ports(service), self._edge_drain if service == EDGE else None)

    def runtime(self, name: str, spec: ProcessSpec) -> Unit:
        owner = f"{_RUNTIME}{name}"

        def request() -> Fork:
            return self._fork(
                RUNTIME.noun, spec.module, spec.arguments, self.environments.runtime(name, spec.environment)
            )

        log = LogFile(self.environments.folder / "logs" / "runtimes" / f"{names.file_name(name)}.log")
        return self._unit(owner, request, log, _PORTS)

    def job(self, name: str, spec: ProcessSpec) -> Fork:
        environment = self.environments.job(spec.environment)
        return self._fork(f"job-{name}", spec.module, spec.arguments, environment, JOB_NICENESS)

    async def _edge_drain(self) -> None:
        """Envoy ends at once when it is told to end."""
        await admin.drain(self.environments.folder / EDGE.noun, _DRAIN_SECONDS)

    def _unit(
        self,
        owner: str,
        request: Callable[[], Fork],
        log: LogFile,
        ports: tuple[str, ...],
        drain: Callable[[], Awaitable[None]] | None = None,
    ) -> Unit:
        addresses = {port: self.environments.address(owner, port) for port in ports}
        return Unit(
            owner.removeprefix(_RUNTIME),
            "runtime" if owner.startswith(_RUNTIME) else "service",
            zygote=self.zygote,
            request=request,
            log=log,
            http_port=int(addresses["http"].rpartition(":")[2]),
            addresses=addresses,
            grace=self.grace,
            drain=drain,
        )

    def _fork(
        self, title: str, module: str, arguments: tuple[str, ...], environment: Mapping[str, str], niceness: int = 0
    ) -> Fork:
        return Fork(0, f"fp-{title}", module, arguments, dict(environment), str(self.environments.folder), niceness)
