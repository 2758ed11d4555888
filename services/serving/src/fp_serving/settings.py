"""Settings of a runtime."""

from pathlib import Path
from typing import Annotated

from fp_runtime import Address, ServiceSettings
from fp_runtime.settings import Port
from pydantic import Field, FilePath

_MIB = 1024 * 1024

Positive = Annotated[int, Field(gt=0)]


class Settings(ServiceSettings):
    """serving_team, serving_version_id, serving_model_name: which model this process is for.
    serving_cache_dir: artifacts by digest; may be shared by the runtimes of one machine, and is believed while the
    registry is away: a folder of our own, never a shared one, so that there is no default.
    serving_max_artifact_bytes: a larger model FAILS instead of filling the disk or the memory.
    serving_cache_max_bytes: of all artifacts; the least recently used go first.
    s3_ca_file: authorities of the object store's certificate, beside those of the system.
    serving_link_port: where inference connects for predictions (`fp_rpc.link`); 0 takes a free port. The status of the
    model names it.
    serving_threads: for one run of the model; 0 takes the CPU quota of the container.
    serving_runs: runs at the same time; more help only models that cannot use all threads.
    serving_max_batch_rows: hard cap of rows in a joint run.
    serving_max_delay_micros: how long a request may wait for company; 0 joins what came during the run before, which
    costs a lone caller nothing.
    serving_max_waiting_*: bounds of the queue, rows and bytes; beyond them callers get RESOURCE_EXHAUSTED.
    """

    auth_addr: Address
    registry_addr: Address
    serving_team: str = Field(min_length=1)
    serving_version_id: str = Field(min_length=1)
    serving_model_name: str = Field(min_length=1)
    serving_cache_dir: Path
    serving_max_artifact_bytes: Positive = 1024 * _MIB
    serving_cache_max_bytes: Positive = 4096 * _MIB
    s3_ca_file: FilePath | None = None
    serving_link_port: Port = 0
    serving_threads: Annotated[int, Field(ge=0, le=256)] = 0
    serving_runs: Annotated[int, Field(ge=1, le=64)] = 1
    serving_max_batch_rows: Positive = 256
    serving_max_delay_micros: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    serving_max_waiting_rows: Positive = 8_192
    serving_max_waiting_bytes: Positive = 256 * _MIB
