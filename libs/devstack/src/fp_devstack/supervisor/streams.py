"""The platform's streams and durables: no service may make them, so that none can have the bus speak for another."""

import os
from collections.abc import Mapping
from pathlib import Path

from fp_kernel.errors import Unavailable

from fp_devstack.files import PRIVATE, tail
from fp_devstack.supervisor.zygote_link import Zygote
from fp_devstack.zygote.wire import Fork

_MODULE = "fp_events.provisioning"


async def make(zygote: Zygote, folder: Path, environment: Mapping[str, str]) -> None:
    """Returns when all are there. Raises Unavailable with what the program has said."""
    log = folder / "logs" / "streams.log"
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    try:
        _, ended = await zygote.fork(Fork(0, "fp-streams", _MODULE, (), dict(environment), str(folder)), output)
    finally:
        os.close(output)
    if await ended:
        raise Unavailable(f"the streams could not be made; the end of {log}:\n{tail(log, after=0, lines=12)}")
