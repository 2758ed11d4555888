"""Where several processes answer one name: gRPC's own naming of targets (ADR 0235).

`host:port` is one process; `ipv4:host:port,host:port` is so many; `dns:///name:port` is whatever the name resolves to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LIST: Final = ("ipv4:", "ipv6:")
_NAME: Final = "dns:"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A name whose addresses change while it is in use."""

    host: str
    port: int


def target_of(addresses: Sequence[str]) -> str:
    """One target for processes that answer alike; `host:port` for one alone."""
    return addresses[0] if len(addresses) == 1 else f"{_LIST[0]}{','.join(addresses)}"


def addresses_of(target: str) -> tuple[str, ...] | Resolved:
    """What a target stands for. Raises ValueError for a name without a port."""
    for scheme in _LIST:
        if target.startswith(scheme):
            return tuple(dict.fromkeys(target.removeprefix(scheme).split(",")))
    if not target.startswith(_NAME):
        return (target,)
    # An authority between the slashes would name a server of names: the machine's own is asked.
    host, _, port = target.removeprefix(_NAME).rpartition("/")[2].rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"{target!r} is not dns:///<host>:<port>")
    return Resolved(host.strip("[]"), int(port))
