"""Valkey, which speaks Redis' protocol."""

from typing import ClassVar

from fp_devstack import programs
from fp_devstack.children import Program
from fp_devstack.files import write_private
from fp_devstack.ports import HOST
from fp_devstack.stores import wire
from fp_devstack.stores.store import Store

# Enough for a database of its own for each test of a parallel run.
_DATABASES = 64


class Valkey(Store):
    name: ClassVar[str] = "valkey"
    port_names: ClassVar[tuple[str, ...]] = ("client",)

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@{HOST}:{self.ports['client']}/0"

    @property
    def _password(self) -> str:
        return self.secrets.token("valkey.password")

    def prepare(self) -> None:
        # In a file, not in arguments: those can be read by every user of the machine.
        write_private(self.folder / "valkey.conf", self._configuration())

    def _configuration(self) -> str:
        return f"""bind {HOST}
port {self.ports["client"]}
requirepass {self._password}
databases {_DATABASES}
save ""
appendonly yes
appendfsync {"everysec" if self.durable else "no"}
maxmemory-policy noeviction
"""

    def program(self, lock: int) -> Program:
        return Program(
            [str(programs.valkey_server()), "valkey.conf"], self.folder, self.environment(), self.log, locks=(lock,)
        )

    def ready(self) -> bool:
        return wire.exchange(self.ports["client"], f"AUTH {self._password}\r\nPING\r\n".encode(), b"+PONG")
