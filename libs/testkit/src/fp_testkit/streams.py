"""An empty JetStream for each test, that no client of an earlier test can reach.

One server serves the whole session; each test has an account of its own there. Deleting what a test made is not enough:
a service that still runs while the fixtures of its test end makes its streams anew, and the next test finds them.
"""

import asyncio
import json
import os
import re
import secrets
import signal
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fp_devstack.store_access import NatsAccess
from fp_devstack.stores.nats import user

from fp_testkit.patience import PATIENCE

_SOLE_USER: Final = re.compile(r"^authorization .*$", re.MULTILINE)
_JANITOR: Final = "janitor"
_PAUSE: Final = 0.002  # seconds


class Accounts:
    """The accounts of one server, of which the newest alone lets tests in.

    url: with the user that the server was started with; it is replaced. configuration: the file that the server reads.
    pid: of the server.
    """

    def __init__(self, url: str, configuration: Path, pid: int) -> None:
        self._address = urlsplit(url).netloc.rpartition("@")[2]
        self._file, self._pid = configuration, pid
        self._text = configuration.read_text(encoding="utf-8")
        if not _SOLE_USER.search(self._text):
            raise ValueError(f"{configuration} has no line of its one user")
        self._password = secrets.token_hex(16)
        self._count = 0

    async def next(self, access: NatsAccess | None = None) -> str:
        """The URL of a new account; every client of the one before is cut off and refused from now on.

        access: of its user; everything without one. `looker` gives another user, who may do everything.
        """
        before, self._count = self._count, self._count + 1
        users = (user(f"test-{self._count}", self._password, access), user(f"looker-{self._count}", self._password))
        # The streams of the account before are deleted by a user whom its test does not know: they hold disk space.
        accounts = [_account(self._count, *users)]
        if before:
            accounts.append(_account(before, user(_JANITOR, self._password)))
        text = _SOLE_USER.sub("accounts { " + ", ".join(accounts) + " }", self._text)
        self._file.write_text(text, encoding="utf-8")
        os.kill(self._pid, signal.SIGHUP)
        url = self._url(f"test-{self._count}")
        async with asyncio.timeout(PATIENCE):
            while True:
                if await admits(url):
                    break
                await asyncio.sleep(_PAUSE)  # the server reads its file
        if before:
            await delete_streams(self._url(_JANITOR))
        return url

    def _url(self, user: str) -> str:
        return f"nats://{user}:{self._password}@{self._address}"


async def admits(url: str) -> bool:
    """Whether the server lets the user of the URL in. By hand: a client of nats-py that is refused leaves a socket."""
    parts = urlsplit(url)
    login = json.dumps({"user": parts.username, "pass": parts.password, "verbose": False, "lang": "probe"})
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        await reader.readline()  # INFO
        writer.write(f"CONNECT {login}\r\nPING\r\n".encode())
        return (await reader.readline()).startswith(b"PONG")
    finally:
        writer.close()


def looker(url: str) -> str:
    """The user who may do everything, in the account of this one."""
    return url.replace("//test-", "//looker-", 1)


def _account(number: int, *users: str) -> str:
    return f"TEST_{number} {{ jetstream: enabled, users: [{', '.join(users)}] }}"


async def delete_streams(url: str) -> None:
    """Delete every stream of the account of the URL's user, and with it its messages and consumers."""
    import nats

    client = await nats.connect(url, connect_timeout=int(PATIENCE), allow_reconnect=False)
    try:
        jetstream = client.jetstream(timeout=PATIENCE)
        for stream in await jetstream.streams_info():
            if stream.config.name:
                await jetstream.delete_stream(stream.config.name)
    finally:
        await client.close()
