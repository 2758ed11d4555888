"""The imports of the zygote before its first fork."""

import gc
import importlib
import importlib.util
import os
import pkgutil
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from fp_devstack.zygote import heap, holes
from fp_devstack.zygote.interned import interned

# What several services use. By name, because no library depends on the services' libraries from here; one that is not
# installed is left out.
SHARED = (
    "asyncpg",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.serialization",
    "fp_events",
    "fp_events.hosting",
    "fp_events.payloads.predictions",
    "fp_events.payloads.revocation",
    "fp_kernel",
    "fp_kernel.hosting",
    "fp_kernel.signatures",
    "fp_kernel.tensors",
    "fp_kernel.texts",
    "fp_oip.infer",
    "fp_postgres",
    "fp_postgres.hosting",
    "fp_postgres.partitions",
    "fp_redis",
    "fp_redis.hosting",
    "fp_rpc",
    "fp_rpc.hosting",
    "fp_rpc.identity.ended",
    "fp_rpc.pagination",
    "fp_rpc.tensors",
    "fp_runtime",
    "fp_s3",
    "fp_s3.hosting",
    "fp_s3.objects",
    "fp_s3.streams",
    "fp_telemetry",
    "google.protobuf.json_format",
    "google.rpc.error_details_pb2",
    "grpc",
    "grpc.aio",
    "grpc_health.v1.health_pb2_grpc",
    "grpc_reflection.v1alpha.reflection",
    "httptools",
    "jwt",
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
# What `fp_telemetry` imports where there is a collector: 6 MiB that each service would have for itself.
TRACED = ("opentelemetry.sdk.trace.export", "opentelemetry.exporter.otlp.proto.http.trace_exporter")
COLLECTOR = "FP_OTEL_ENDPOINT"
# Each holds native threads or reads the environment when imported: a fork would lose the first and keep the second.
FORBIDDEN = ("numpy", "onnxruntime", "pandas", "scipy", "sklearn")
# Held for as long as the zygote forks.
_kept: list[object] = []


def shared(environment: Mapping[str, str]) -> tuple[str, ...]:
    """environment: of the zygote, which has the collector of those that it forks."""
    return (*SHARED, *TRACED) if environment.get(COLLECTOR) else SHARED


def preload(modules: tuple[str, ...], note: Callable[[str], None]) -> None:
    """Imports the modules and the generated contracts, and leaves them so that children copy few of the pages on which
    they lie: names side by side, no free place between objects, nothing within the collector's reach.
    """
    _kept.extend(interned())
    for name in (*modules, *_contracts()):
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 -- only the program that needs the module fails with it
            note(f"preload leaves out {name}: {type(error).__name__}: {error}")
    for name in FORBIDDEN:
        if name in sys.modules:
            note(f"preload has loaded {name}, which must not be shared by fork")
    gc.collect()
    # Its entries are counted references to names: a child that replaces one copies the pages of both.
    sys._clear_type_cache()  # noqa: SLF001 -- documented, for debugging
    _kept.extend(holes.fill())
    heap.fill()
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
