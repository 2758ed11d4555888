"""NATS with JetStream."""

import json
from collections.abc import Iterator
from typing import ClassVar

from fp_supervisor.loopback import HOST

from fp_devstack import programs
from fp_devstack.children import Program
from fp_devstack.files import write_private
from fp_devstack.store_access import NatsAccess
from fp_devstack.stores import wire
from fp_devstack.stores.store import Store

USER = "fp"
PASSWORD = "nats.password"  # noqa: S105 -- its name among the secrets
# JetStream acknowledges before it syncs; the stream of predictions is the only copy of its events once the spool
# let them go. One second bounds what power loss may take; `always` would cost two thirds of the throughput.
_SYNC_INTERVAL = "1s"
# Streams reserve their stated sizes from this, whatever the disk has.
_FILE_STORE = "64G"


class Nats(Store):
    name: ClassVar[str] = "nats"
    port_names: ClassVar[tuple[str, ...]] = ("client",)
    speaks_tls: ClassVar[bool] = True

    @property
    def url(self) -> str:
        return self._url(USER, self._password)

    def url_of(self, noun: str) -> str:
        """The service's own user; the server knows none for those without access."""
        return self._url(noun, self._password_of(noun))

    def _url(self, user: str, password: str) -> str:
        return f"nats://{user}:{password}@{HOST}:{self.ports['client']}"

    @property
    def _password(self) -> str:
        return self.secrets.token(PASSWORD)

    def _password_of(self, noun: str) -> str:
        return self.secrets.token(f"nats.{noun}")

    def prepare(self) -> None:
        # In a file, not in arguments: those can be read by every user of the machine.
        write_private(self.folder / "nats.conf", self._configuration())

    def _configuration(self) -> str:
        sync = _SYNC_INTERVAL if self.durable else "2m"
        return f"""server_name: forgepoint
listen: "{self.listens}:{self.ports["client"]}"
max_payload: 8MB
authorization {{ users: [{", ".join(self._users())}] }}
jetstream {{
  store_dir: {json.dumps(str(self.folder / "data"))}
  max_memory_store: 256M
  max_file_store: {_FILE_STORE}
  sync_interval: {json.dumps(sync)}
}}
{self._tls()}"""

    def _tls(self) -> str:
        if not self.secure:
            return ""
        files = self.certificate
        return f"tls {{ cert_file: {json.dumps(str(files.certificate))}, key_file: {json.dumps(str(files.key))} }}\n"

    def _users(self) -> Iterator[str]:
        yield user(USER, self._password)
        for noun, access in sorted(self.accesses.items()):
            if access.nats is not None:
                yield user(noun, self._password_of(noun), access.nats)

    def _take(self) -> None:
        """Who keeps his password and his rights keeps his connection."""
        self.hang_up()

    def program(self, lock: int) -> Program:
        return Program(
            [str(programs.nats_server()), "-c", "nats.conf"], self.folder, self.environment(), self.log, locks=(lock,)
        )

    def ready(self) -> bool:
        login = json.dumps({"user": USER, "pass": self._password, "verbose": False, "pedantic": False, "lang": "probe"})
        return wire.exchange(
            self.ports["client"],
            f"CONNECT {login}\r\nPING\r\n".encode(),
            b"PONG",
            greeting=b'"jetstream":true',
            tls=self.secure,
        )


def user(name: str, password: str, access: NatsAccess | None = None) -> str:
    """As the server's configuration has it. access: everything without one."""
    login = f"user: {json.dumps(name)}, password: {json.dumps(password)}"
    return f"{{ {login} }}" if access is None else f"{{ {login}, permissions: {access.permissions} }}"
