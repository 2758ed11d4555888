"""Valkey, which speaks Redis' protocol."""

import hashlib
from typing import ClassVar

from fp_supervisor.loopback import HOST

from fp_devstack import programs
from fp_devstack.children import Program
from fp_devstack.failures import StoreFailed
from fp_devstack.files import write_private
from fp_devstack.stores import wire
from fp_devstack.stores.store import Store

PASSWORD = "valkey.password"  # noqa: S105 -- its name among the secrets
# Enough for a database of its own for each test of a parallel run.
_DATABASES = 64
# A busy server answers none of them in the second that each takes; with one password, then with the other.
_TRIES = 15


class Valkey(Store):
    name: ClassVar[str] = "valkey"
    port_names: ClassVar[tuple[str, ...]] = ("client",)
    # The administrator's, as the running server knows it.
    _entered = ""

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
        return self.secrets.token(PASSWORD)

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
        return f"""bind {self.listens}
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
        # By the password of before; by the new one where the answer to the last try was lost.
        tries = (self._asked(password, "ACL LOAD", b"+OK\r\n+OK\r\n") for password in self._passwords() * _TRIES)
        if self.pid is not None and not any(tries):
            raise StoreFailed("valkey has not taken its users")
        self._entered = self._password

    def _passwords(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self._entered, self._password)))

    def _asked(self, password: str, command: str, expected: bytes) -> bool:
        return wire.exchange(self.ports["client"], f"AUTH {password}\r\n{command}\r\n".encode(), expected)

    def ready(self) -> bool:
        if not self._asked(self._password, "PING", b"+PONG"):
            return False
        self._entered = self._password
        return True


def _user(name: str, password: str, rules: tuple[str, ...]) -> str:
    """A line of the file of users, which holds digests of passwords."""
    return " ".join(("user", name, "on", f"#{hashlib.sha256(password.encode()).hexdigest()}", *rules)) + "\n"
