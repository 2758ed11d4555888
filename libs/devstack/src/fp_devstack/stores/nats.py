"""NATS with JetStream."""

import json
from typing import ClassVar

from fp_devstack import programs
from fp_devstack.children import Program
from fp_devstack.files import write_private
from fp_devstack.ports import HOST
from fp_devstack.stores import wire
from fp_devstack.stores.store import Store

USER = "fp"
# JetStream acknowledges before it syncs; the stream of predictions is the only copy of its events once the spool
# let them go. One second bounds what power loss may take; `always` would cost two thirds of the throughput.
_SYNC_INTERVAL = "1s"
# Streams reserve their stated sizes from this, whatever the disk has.
_FILE_STORE = "64G"


class Nats(Store):
    name: ClassVar[str] = "nats"
    port_names: ClassVar[tuple[str, ...]] = ("client",)

    @property
    def url(self) -> str:
        return f"nats://{USER}:{self._password}@{HOST}:{self.ports['client']}"

    @property
    def _password(self) -> str:
        return self.secrets.token("nats.password")

    def prepare(self) -> None:
        # In a file, not in arguments: those can be read by every user of the machine.
        write_private(self.folder / "nats.conf", self._configuration())

    def _configuration(self) -> str:
        sync = _SYNC_INTERVAL if self.durable else "2m"
        return f"""server_name: forgepoint
listen: "{HOST}:{self.ports["client"]}"
max_payload: 8MB
authorization {{ user: {USER}, password: {json.dumps(self._password)} }}
jetstream {{
  store_dir: {json.dumps(str(self.folder / "data"))}
  max_memory_store: 256M
  max_file_store: {_FILE_STORE}
  sync_interval: {json.dumps(sync)}
}}
"""

    def program(self, lock: int) -> Program:
        return Program(
            [str(programs.nats_server()), "-c", "nats.conf"], self.folder, self.environment(), self.log, locks=(lock,)
        )

    def ready(self) -> bool:
        login = json.dumps({"user": USER, "pass": self._password, "verbose": False, "pedantic": False, "lang": "probe"})
        return wire.exchange(
            self.ports["client"], f"CONNECT {login}\r\nPING\r\n".encode(), b"PONG", greeting=b'"jetstream":true'
        )
