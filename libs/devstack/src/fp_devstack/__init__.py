"""Real stores as child processes, and the supervisor of a laptop.

Promises:
- `Stack` runs PostgreSQL, NATS JetStream, Valkey and SeaweedFS (S3) from PyPI wheels on free ports of 127.0.0.1,
  with generated passwords, data and logs in one folder, as any user including root. No container runtime is needed.
- Nothing survives the process that started it, even when that process is killed by SIGKILL (Linux).
- Ports, passwords and data stay the same when a folder is started again; a port taken meanwhile is replaced.
- A store that cannot start raises `StoreFailed` with the store's name and the last lines of its log.
- `fp_devstack.supervisor` is the daemon behind `fp up`: stores, services forked from a zygote and restarted when they
  die, runtimes and jobs behind a local socket. `fp_supervisor` talks to it and starts it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fp_devstack.endpoints import Endpoints
    from fp_devstack.failures import FolderInUse, StoreFailed
    from fp_devstack.stack import STORES, Stack

__all__ = ["STORES", "Endpoints", "FolderInUse", "Stack", "StoreFailed"]

_HOMES = {
    "STORES": "fp_devstack.stack",
    "Stack": "fp_devstack.stack",
    "Endpoints": "fp_devstack.endpoints",
    "FolderInUse": "fp_devstack.failures",
    "StoreFailed": "fp_devstack.failures",
}


def __getattr__(name: str) -> Any:
    # Whoever asks for one part must not pay for the stores.
    import importlib  # noqa: PLC0415

    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(importlib.import_module(_HOMES[name]), name)
