"""What passes between the pipeline and a job: one JSON document in the environment, files by presigned URL.

The pipeline sets `FP_JOB_SPEC`; the job puts its declared outputs and, last, its result. A job that ends without a
result has failed, whatever its exit code. With `FP_JOB_TOKEN` it may call the platform at `FP_GATEWAY_ADDR`, which it
verifies by `FP_CA_FILE` where that is set.
"""

import json
import os
import urllib.request
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from fp_rpc import BearerToken, Channels

from fp_jobs import trust

TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """config: the step's own settings. execution_input: what the execution was triggered with.
    inputs: `<step>/<file>` -> URL to read. outputs: file -> URL to write once. attempt: of the step.
    """

    execution_id: str
    step_id: str
    config: Mapping[str, Any]
    execution_input: Mapping[str, Any]
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    result_url: str
    attempt: int = 1

    def read(self, name: str) -> bytes:
        return download(self.inputs[name])

    def write(self, name: str, content: bytes) -> None:
        _put(self.outputs[name], content)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Send the result to the pipeline; it becomes the output of the step."""
        _put(self.result_url, json.dumps(result).encode())


def from_environment() -> Job:
    """The job this process was started for.

    Raises KeyError when the process was not started by the pipeline.
    """
    spec = json.loads(os.environ["FP_JOB_SPEC"])
    return Job(
        execution_id=spec["execution_id"],
        step_id=spec["step_id"],
        config=spec["config"],
        execution_input=spec.get("execution_input") or {},
        inputs=spec["inputs"],
        outputs=spec["outputs"],
        result_url=spec["result_url"],
        attempt=int(spec["attempt"]),
    )


@asynccontextmanager
async def platform() -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the public API under the job's own identity, which may read features and models of its
    team, and write experiments.
    """
    channels = Channels(BearerToken(os.environ["FP_JOB_TOKEN"]), certificates=trust.channel(_ca_file()))
    try:
        yield channels.open(os.environ["FP_GATEWAY_ADDR"], timeout=TIMEOUT_S)
    finally:
        await channels.close()


def download(url: str) -> bytes:
    """What lies behind a presigned URL."""
    context = trust.https(_ca_file())
    with urllib.request.urlopen(url, timeout=TIMEOUT_S, context=context) as response:  # noqa: S310 -- of the platform
        content: bytes = response.read()
    return content


def _put(url: str, content: bytes) -> None:
    request = urllib.request.Request(url, data=content, method="PUT")  # noqa: S310 -- URL of the pipeline
    context = trust.https(_ca_file())
    with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=context) as response:  # noqa: S310 -- the pipeline's
        response.read()


def _ca_file() -> str:
    return os.environ.get("FP_CA_FILE", "")
