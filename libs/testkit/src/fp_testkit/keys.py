"""A Redis without keys for each test, that no client of an earlier test can reach."""

import secrets
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_EVERYTHING: Final = ("~*", "&*", "+@all")


class Users:
    """The users of one server, of which the newest alone lets tests in.

    url: with the user that may make others. Each test has two: one as a service's, and one that may do everything,
    with which the test looks at what the service did.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._password = secrets.token_hex(16)
        self._count = 0

    def next(self, rules: Sequence[str] = _EVERYTHING) -> str:
        """The URL of a new user with these rights; every client of those before is cut off and refused from now on."""
        import redis

        before, self._count = self._count, self._count + 1
        with redis.Redis.from_url(self._url) as admin:
            # First the user, then the keys: in between nobody writes.
            admin.execute_command("ACL", "DELUSER", _name(before), _looker(before))
            admin.flushall()
            for user, given in ((_name(self._count), rules), (_looker(self._count), _EVERYTHING)):
                admin.execute_command("ACL", "SETUSER", user, "on", f">{self._password}", *given)
        return _as(_name(self._count), self._password, self._url)

    def looker(self, url: str) -> str:
        """The URL of the user who may do everything, of the test that has this one."""
        number = (urlsplit(url).username or "").rpartition("-")[2]
        return _as(_looker(int(number)), self._password, url)


def _as(user: str, password: str, url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}"))


def _name(number: int) -> str:
    return f"test-{number}"


def _looker(number: int) -> str:
    return f"looker-{number}"
