"""The imports of the zygote before its first fork."""

import gc
import importlib
import importlib.util
import os
import pkgutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path

# What every service uses. By name, because no library depends on the services' libraries from here; one that is not
# installed is left out.
SHARED = (
    "asyncpg",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.serialization",
    "fp_events",
    "fp_kernel",
    "fp_postgres",
    "fp_redis",
    "fp_rpc",
    "fp_runtime",
    "fp_telemetry",
    "google.protobuf.json_format",
    "google.rpc.error_details_pb2",
    "grpc",
    "grpc.aio",
    "grpc_health.v1.health_pb2_grpc",
    "grpc_reflection.v1alpha.reflection",
    "jwt",
    "minio",
    "nats",
    "nats.js",
    "orjson",
    "prometheus_client",
    "pydantic_settings",
    "redis.asyncio",
    "starlette.applications",
    "starlette.routing",
    "uvicorn",
    "uvicorn.protocols.http.h11_impl",
    "uvloop",
)
# Each holds native threads or reads the environment when imported: a fork would lose the first and keep the second.
FORBIDDEN = ("numpy", "onnxruntime", "pandas", "scipy", "sklearn")


def preload(modules: tuple[str, ...], note: Callable[[str], None]) -> None:
    """Imports the modules and the generated contracts, then moves every object out of the collector's reach, so that
    a collection in a child does not copy the pages it shares.
    """
    for name in (*modules, *_contracts()):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 -- only the program that needs the module fails with it
            note(f"preload leaves out {name}: {type(error).__name__}: {error}")
    for name in FORBIDDEN:
        if name in sys.modules:
            note(f"preload has loaded {name}, which must not be shared by fork")
    gc.collect()
    gc.freeze()


def thread_count() -> int:
    """Threads of this process, those of native libraries too where the system reports them."""
    tasks = Path("/proc/self/task")
    return len(os.listdir(tasks)) if tasks.is_dir() else threading.active_count()  # noqa: PTH208 -- names suffice


def _contracts() -> list[str]:
    found = importlib.util.find_spec("forgepoint")
    if found is None or found.submodule_search_locations is None:
        return []
    walked = pkgutil.walk_packages(found.submodule_search_locations, "forgepoint.")
    return [each.name for each in walked if not each.ispkg]
