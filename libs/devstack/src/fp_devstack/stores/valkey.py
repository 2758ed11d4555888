"""Valkey, which speaks Redis' protocol."""

import hashlib
from typing import ClassVar

from fp_devstack import programs
from fp_devstack.children import Program
from fp_devstack.failures import StoreFailed
from fp_devstack.files import write_private
from fp_devstack.ports import HOST
from fp_devstack.stores import wire
from fp_devstack.stores.store import Store

# Enough for a database of its own for each test of a parallel run.
_DATABASES = 64
# A busy server answers none of them in the second that each takes.
_TRIES = 30


class Valkey(Store):
    name: ClassVar[str] = "valkey"
    port_names: ClassVar[tuple[str, ...]] = ("client",)

    @property
    def url(self) -> str:
        return self._url("", self._password)

    def url_of(self, noun: str) -> str:
        """The service's own user; one that has none may do nothing."""
        return self._url(noun, self._password_of(noun))

    def _url(self, user: str, password: str) -> str:
        return f"redis://{user}:{password}@{HOST}:{self.ports['client']}/0"

    @property
    def _password(self) -> str:
        return self.secrets.token("valkey.password")

    def _password_of(self, noun: str) -> str:
        return self.secrets.token(f"valkey.{noun}")

    def prepare(self) -> None:
        # In a file, not in arguments: those can be read by every user of the machine.
        write_private(self.folder / "valkey.conf", self._configuration())
        write_private(self.folder / "users.acl", self._users())

    def _users(self) -> str:
        lines = [_user("default", self._password, ("~*", "&*", "+@all"))]
        lines += [
            _user(noun, self._password_of(noun), access.redis.rules)
            for noun, access in sorted(self.accesses.items())
            if access.redis is not None
        ]
        return "".join(lines)

    def _configuration(self) -> str:
        return f"""bind {HOST}
port {self.ports["client"]}
aclfile users.acl
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

    def _take(self) -> None:
        """Connections that stand stay. Raises StoreFailed: services with new passwords would be kept out for ever."""
        load = f"AUTH {self._password}\r\nACL LOAD\r\n".encode()
        tries = (wire.exchange(self.ports["client"], load, b"+OK\r\n+OK\r\n") for _ in range(_TRIES))
        if self.pid is not None and not any(tries):
            raise StoreFailed("valkey has not taken its users; give new passwords again")

    def ready(self) -> bool:
        return wire.exchange(self.ports["client"], f"AUTH {self._password}\r\nPING\r\n".encode(), b"+PONG")


def _user(name: str, password: str, rules: tuple[str, ...]) -> str:
    """A line of the file of users, which holds digests of passwords."""
    return " ".join(("user", name, "on", f"#{hashlib.sha256(password.encode()).hexdigest()}", *rules)) + "\n"
