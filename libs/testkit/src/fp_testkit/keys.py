"""A Redis without keys for each test, that no client of an earlier test can reach."""

import secrets
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_EVERYTHING: Final = ("on", "~*", "&*", "+@all")


class Users:
    """The users of one server, of which the newest alone lets tests in.

    url: with the user that may make others.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._password = secrets.token_hex(16)
        self._count = 0

    def next(self) -> str:
        """The URL of a new user; every client of the one before is cut off and refused from now on."""
        import redis

        before, self._count = self._count, self._count + 1
        with redis.Redis.from_url(self._url) as admin:
            # First the user, then the keys: in between nobody writes.
            admin.execute_command("ACL", "DELUSER", _name(before))
            admin.flushall()
            admin.execute_command("ACL", "SETUSER", _name(self._count), f">{self._password}", *_EVERYTHING)
        parts = urlsplit(self._url)
        login = f"{_name(self._count)}:{self._password}@{parts.netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=login))


def _name(number: int) -> str:
    return f"test-{number}"
