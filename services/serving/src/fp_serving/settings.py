"""Settings of a runtime."""

from pathlib import Path
from typing import Annotated

from fp_runtime import Address, ServiceSettings
from fp_runtime.settings import Port
from pydantic import Field, FilePath, model_validator

_MIB = 1024 * 1024

Positive = Annotated[int, Field(gt=0)]


class Settings(ServiceSettings):
    """serving_team: whose models this process serves, and nobody else's.
    serving_version_id, serving_model_name: the version for which it was started. Without them it is a shared runtime:
    it serves what the team asks for, and loads it when it is asked.
    serving_models_bytes: of the models beside that version; beyond them the least recently used is unloaded.
    serving_result_cache_bytes: of answers that are given again to the same question; 0 runs the model for each.
    Only for models whose answer depends on nothing but the question.
    serving_load_wait_seconds: how long a request waits for its model to be loaded.
    serving_cache_dir: artifacts by digest; may be shared by the runtimes of one machine, and is believed while the
    registry is away: a folder of our own, never a shared one, so that there is no default.
    serving_max_artifact_bytes: a larger model FAILS instead of filling the disk or the memory.
    serving_cache_max_bytes: of all artifacts; the least recently used go first.
    s3_ca_file: authorities of the object store's certificate, beside those of the system.
    serving_link_port: where inference connects for predictions (`fp_rpc.link`); 0 takes a free port. The status of the
    model names it.
    serving_threads: for one run of a model whose runs are long; others, and ensembles of trees, have one.
    0 takes the CPU quota of the container, and one in a shared runtime.
    serving_runs: runs at the same time; more help only models that cannot use all threads.
    serving_max_batch_rows: hard cap of rows in a joint run.
    serving_max_delay_micros: how long a request may wait for company; 0 joins what came during the run before, which
    costs a lone caller nothing.
    serving_max_waiting_*: bounds of the queue, rows and bytes; beyond them callers get RESOURCE_EXHAUSTED.
    """

    auth_addr: Address
    registry_addr: Address
    serving_team: str = Field(min_length=1)
    serving_version_id: str = ""
    serving_model_name: str = ""
    serving_models_bytes: Positive = 1024 * _MIB
    serving_result_cache_bytes: Annotated[int, Field(ge=0)] = 0
    serving_load_wait_seconds: Annotated[float, Field(gt=0, le=60)] = 5.0
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

    @model_validator(mode="after")
    def _named_by_both(self) -> "Settings":
        if bool(self.serving_version_id) != bool(self.serving_model_name):
            raise ValueError("FP_SERVING_VERSION_ID and FP_SERVING_MODEL_NAME go together")
        return self

    @property
    def shared(self) -> bool:
        return not self.serving_version_id
