"""Settings, start and stop, health and readiness of a service.

What it promises:

- A missing or invalid setting stops the start with one line that names the `FP_` variables, exit code 2.
- Start in order: settings, logs and telemetry, `/livez` (migrations may take long), hard stores (tried again for 10
  seconds), whatever `serve` builds, servers, SERVING. A start that fails says why in one line and exits 1.
- `Runtime` owns every task (one TaskGroup); a task that fails stops the service. Tasks of `keep` (lasting) and `every`
  (periodic) start again after a failure, which is counted and seen in `/healthz`.
- SIGTERM and SIGINT: not ready at once, RPCs drain within `FP_DRAIN_TIMEOUT`, tasks side by side in what is left of it
  and half of it at least, then everything is closed in the reverse order of its opening, each step bounded. A second
  signal waits for nothing.
- `GET /livez`, `/healthz`, `/readyz`, `/metrics` on `FP_HTTP_PORT`. A hard dependency that is down answers 503 and is
  named; a soft one answers 200 and `degraded`.
- Nothing starts at import: a process forked from a zygote calls `main` as if it were the first.
"""

from fp_runtime.failures import StartFailed, TaskFailed
from fp_runtime.fields import Address, HttpUrl, NatsUrl, PostgresUrl, RedisUrl
from fp_runtime.health import Dependency, HealthRegistry, Report
from fp_runtime.http import HttpServer
from fp_runtime.process import main, run
from fp_runtime.runtime import RpcServer, Runtime
from fp_runtime.settings import (
    EventSettings,
    InvalidSettings,
    PostgresSettings,
    RedisSettings,
    S3Settings,
    ServiceSettings,
    load,
)

__all__ = [
    "Address",
    "Dependency",
    "EventSettings",
    "HealthRegistry",
    "HttpServer",
    "HttpUrl",
    "InvalidSettings",
    "NatsUrl",
    "PostgresSettings",
    "PostgresUrl",
    "RedisSettings",
    "RedisUrl",
    "Report",
    "RpcServer",
    "Runtime",
    "S3Settings",
    "ServiceSettings",
    "StartFailed",
    "TaskFailed",
    "load",
    "main",
    "run",
]
