"""Everything the supervisor runs, from its start to its end."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fp_kernel import SystemClock
from fp_kernel.errors import Error, NotFound, Unavailable
from fp_supervisor import Access, Phase

from fp_devstack import databases
from fp_devstack.files import copy_aside
from fp_devstack.stack import Stack
from fp_devstack.supervisor import streams
from fp_devstack.supervisor.backoff import BackoffPolicy
from fp_devstack.supervisor.catalog import EDGE, OPERATOR, RUNTIME, Service, accesses, front, has_streams, needed_stores
from fp_devstack.supervisor.environment import Environments
from fp_devstack.supervisor.jobs import Jobs
from fp_devstack.supervisor.logins import Logins
from fp_devstack.supervisor.runtimes import Runtimes
from fp_devstack.supervisor.units import Units
from fp_devstack.supervisor.zygote_link import Zygote
from fp_devstack.tls.local import FRONTS, OPERATORS, LocalCertificates, of_store, wanted

if TYPE_CHECKING:
    from fp_devstack.supervisor.unit import Unit

_GRACE_SECONDS = 20.0
_STORE_POLL_SECONDS = 0.5
_LOG_POLL_SECONDS = 5.0
_RENEWAL_POLL_SECONDS = 60.0
# Those of services and jobs are bounded by the supervisor as it writes them.
_OWN_LOGS = ("supervisor.log", "zygote.log")
_FOLDERS = ("logs", "jobs", "tmp", *RUNTIME.folders)


class Platform:
    """outer: the supervisor's own environment. preload: for the zygote. note: takes a line for the supervisor's log.
    tls: whether services, runtimes and the public address speak TLS. public: whether that is on every interface.
    """

    def __init__(
        self,
        folder: Path,
        services: tuple[Service, ...],
        *,
        outer: dict[str, str],
        preload: tuple[str, ...],
        note: Callable[[str], None],
        tls: bool = False,
        public: bool = False,
    ) -> None:
        self.folder, self.services, self._note = folder, services, note
        self.phase = Phase.STARTING
        self.stack = Stack(folder, stores=needed_stores(services), accesses=accesses(services))
        self.store_restarts = dict.fromkeys(self.stack.pids, 0)
        self._authority = _certificates(folder, services, self.stack.secured)
        self.certificates = self._authority if tls else None
        self.environments = Environments(
            folder, self.stack.ports, self.stack.secrets, services, outer, self.certificates, public
        )
        self.zygote = Zygote(folder, self.environments.zygote(), preload)
        self.units: dict[str, Unit] = {}
        self._builder = Units(self.environments, self.zygote, _GRACE_SECONDS)
        self._runtimes: Runtimes | None = None
        self._jobs: Jobs | None = None
        self._stop = asyncio.Event()
        self.stopped = asyncio.Event()
        self._logins = Logins(self.stack, self._give_passwords, note)

    @property
    def runtimes(self) -> Runtimes:
        """Raises Unavailable while the supervisor starts or stops."""
        if self._runtimes is None or self._stop.is_set():
            raise Unavailable(f"the supervisor is {self.phase.lower()}", retry_after=1.0)
        return self._runtimes

    @property
    def jobs(self) -> Jobs:
        """Raises Unavailable while the supervisor starts or stops."""
        if self._jobs is None or self._stop.is_set():
            raise Unavailable(f"the supervisor is {self.phase.lower()}", retry_after=1.0)
        return self._jobs

    def request_stop(self) -> None:
        self._stop.set()

    def access(self) -> Access:
        ports = front(self.services)
        return Access(
            address=self.environments.address(*ports.grpc.split(".")),
            http_address=self.environments.address(*ports.http.split(".")),
            nats_url=self.stack.endpoints_of(OPERATOR).nats_url,
            **self.environments.login(),
            databases={each.noun: self._database_url(each.noun) for each in self.services if each.database},
            ca_file=str(self.certificates.authority) if self.certificates else "",
            plain_stores=sorted(self.stack.pids.keys() - set(self.stack.secured)) if self.certificates else (),
        )

    async def restart(self, name: str) -> None:
        """Raises NotFound."""
        unit = self.units.get(name) or self.runtimes.units.get(name)
        if unit is None:
            raise NotFound(f"there is no service or runtime {name}")
        await unit.restart()

    async def renew_logins(self) -> None:
        """New passwords at the stores; whoever had one is started again. Raises Unavailable unless all of it runs."""
        if self.phase is not Phase.RUNNING:
            raise Unavailable(f"the supervisor is {self.phase.lower()}", retry_after=1.0)
        await self._logins.renew()

    async def _give_passwords(self) -> None:
        await asyncio.to_thread(self.stack.give_passwords)
        await self._create_databases()
        self._note("the services' passwords at the stores were renewed: they are started again")
        await _at_once([self.units[each.noun].restart for each in self.services if each.stores])

    async def run(self) -> None:
        """Until `request_stop`; leaves nothing behind, however it ends.

        Raises an exception group with the Error of what could not be started.
        """
        self._prepare_folder()
        try:
            async with asyncio.TaskGroup() as group:
                zygote = group.create_task(self._run_zygote(), name="zygote")
                logs = group.create_task(self._bound_logs(), name="logs")
                renewal = group.create_task(self._renew_certificates(), name="certificates")
                logins = group.create_task(self._logins.run(), name="logins")
                boot = group.create_task(self._boot(group), name="boot")
                await self._stop.wait()
                self.phase = Phase.STOPPING
                await asyncio.wait([boot])
                await self._stop_processes()
                zygote.cancel()
                for each in (logs, renewal, logins):
                    each.cancel()
        finally:
            await self.zygote.stop()
            await asyncio.to_thread(self.stack.stop)
            self.stopped.set()

    def _prepare_folder(self) -> None:
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        for name in (*_FOLDERS, *(folder for service in self.services for folder in service.folders)):
            (self.folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.certificates is not None:
            self.certificates.renew()
        else:
            # A store speaks TLS where it has a certificate, and nobody would renew this one.
            for store in self.stack.secured:
                self._authority.withdraw(store)

    async def _boot(self, group: asyncio.TaskGroup) -> None:
        await asyncio.to_thread(self.stack.start)
        await self._create_databases()
        await self.zygote.wait_ready()
        await self._make_streams()
        await asyncio.to_thread(self._take_ports)
        if self._stop.is_set():
            return
        self._jobs = Jobs(self.folder / "jobs", self.zygote, self._builder.job, group)
        self._jobs.restore()
        self._runtimes = Runtimes(self.folder / "runtimes.json", self.stack.ports, self._builder.runtime, group)
        for service in self.services:
            self._start_service(service, group)
        self._runtimes.restore()
        self.phase = Phase.RUNNING
        group.create_task(self._run_stores(), name="stores")

    def _start_service(self, service: Service, group: asyncio.TaskGroup) -> None:
        noun = service.noun
        unit = self._builder.service(service, lambda: self.stack.endpoints_of(noun), lambda: self._database_url(noun))
        self.units[noun] = unit
        group.create_task(unit.run(), name=f"service {noun}")

    def _take_ports(self) -> None:
        """Before anything listens on them: those that others took meanwhile are chosen again."""
        owners = {service.noun: self._builder.ports(service) for service in self.services}
        owners |= Runtimes.recorded_ports(self.folder / "runtimes.json")
        for owner, ports in owners.items():
            for port in ports:
                self.stack.ports.take(f"{owner}.{port}")

    def _database_url(self, noun: str) -> str:
        name = f"fp_{noun}"
        return self.stack.endpoints.database_url(name, name, self.stack.database_password(noun))

    async def _create_databases(self) -> None:
        for service in self.services:
            if service.database:
                password = self.stack.database_password(service.noun)
                await databases.ensure_database(self.stack.endpoints, service.noun, password)

    async def _make_streams(self) -> None:
        if has_streams(self.services):
            environment = self.environments.streams(self.stack.endpoints_of(OPERATOR))
            await streams.make(self.zygote, self.folder, environment)

    async def _run_zygote(self) -> None:
        """Its children die with it and are started again by their units, once it is back."""
        policy, deaths = BackoffPolicy(), 0
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            began = loop.time()
            await self.zygote.run()
            if not self._stop.is_set():
                deaths = policy.failures(deaths, loop.time() - began)
                self._note(f"the zygote ended, death {deaths} in a row; see logs/zygote.log")
                await asyncio.sleep(policy.delay(deaths))

    async def _renew_certificates(self) -> None:
        """By the wall clock, since a laptop sleeps: what ended meanwhile is renewed within a minute."""
        while self.certificates is not None:
            await asyncio.sleep(_RENEWAL_POLL_SECONDS)
            try:
                renewed = await asyncio.to_thread(self.certificates.renew)
                await asyncio.to_thread(self.stack.reload, renewed)
            except (OSError, ValueError) as error:
                self._note(f"certificates could not be renewed: {error}")
            else:
                if renewed:
                    self._note(f"certificates renewed: {', '.join(renewed)}")

    async def _bound_logs(self) -> None:
        """A store that runs for months would fill the disk with its log."""
        while True:
            await asyncio.sleep(_LOG_POLL_SECONDS)
            try:
                await asyncio.to_thread(self._bound_logs_once)
            except OSError as error:
                self._note(f"a log could not be cut: {error}")

    def _bound_logs_once(self) -> None:
        self.stack.bound_logs()
        for name in _OWN_LOGS:
            copy_aside(self.folder / "logs" / name)

    async def _run_stores(self) -> None:
        while not self._stop.is_set():
            await asyncio.sleep(_STORE_POLL_SECONDS)
            dead = [name for name, pid in self.stack.pids.items() if pid is None]
            if dead and not self._stop.is_set():
                await self._revive(dead)

    async def _revive(self, dead: list[str]) -> None:
        self._note(f"stores ended and are started again: {', '.join(dead)}")
        before = self.stack.endpoints
        for name in dead:
            self.store_restarts[name] += 1
        try:
            await asyncio.to_thread(self.stack.revive)
        except Error as error:
            self._note(error.message)  # and again at the next look
            return
        if "nats" in dead:
            await self._restore_streams()
        if self.stack.endpoints != before:
            self._note("a store had to move to another port: the services are started again")
            await _at_once([unit.restart for unit in self.units.values()])

    async def _restore_streams(self) -> None:
        """They are there unless the server has lost its data."""
        try:
            await self._make_streams()
        except Error as error:
            self._note(error.message)

    async def _stop_processes(self) -> None:
        """From the outside in, so that what one has accepted can still be answered by the next."""
        fronts = {service.noun for service in self.services if service.edge}
        if EDGE.noun in self.units:
            await self.units[EDGE.noun].stop()
        await _at_once([unit.stop for noun, unit in self.units.items() if noun in fronts - {EDGE.noun}])
        rest = [unit.stop for noun, unit in self.units.items() if noun not in fronts]
        if self._runtimes is not None:
            rest += [unit.stop for unit in self._runtimes.units.values()]
        if self._jobs is not None:
            rest.append(self._jobs.interrupt)
        await _at_once(rest)


def _certificates(folder: Path, services: tuple[Service, ...], stores: Sequence[str]) -> LocalCertificates:
    """For each service and runtime, for operators, and for the stores that speak TLS."""
    nouns = (*(service.noun for service in services), RUNTIME.noun, OPERATORS)
    return LocalCertificates(folder, [*wanted(nouns, FRONTS), *map(of_store, stores)], SystemClock())


async def _at_once(actions: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    async with asyncio.TaskGroup() as group:
        for action in actions:
            group.create_task(action())
