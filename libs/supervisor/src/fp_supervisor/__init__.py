"""The supervisor of a laptop, as its clients know it; the standard library and the kernel's errors are all it needs.

Promises:
- `SupervisorClient` speaks to the socket of the supervisor that `fp_devstack` runs: stores, services, runtimes, jobs.
- `fp_supervisor.launch` starts one that stays behind, and ends it. Where `fp_devstack` is not installed it says so.
- `fp_supervisor.loopback` tells which ports of this machine are free, and which a folder has recorded.
"""

from fp_supervisor.client import SupervisorClient
from fp_supervisor.reports import (
    Access,
    Job,
    JobState,
    LogPage,
    Phase,
    Process,
    ProcessSpec,
    ProcessState,
    Runtime,
    Status,
)

__all__ = [
    "Access",
    "Job",
    "JobState",
    "LogPage",
    "Phase",
    "Process",
    "ProcessSpec",
    "ProcessState",
    "Runtime",
    "Status",
    "SupervisorClient",
]
