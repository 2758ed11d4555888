"""The platform of the cluster as somebody outside of it uses it: by the edge's port of the node."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
from forgepoint.billing.v1 import billing_pb2, billing_pb2_grpc
from forgepoint.pipeline.v1 import pipeline_pb2
from forgepoint.registry.v1 import registry_pb2
from fp_flights import pipelines
from fp_rpc import BearerToken, Channels
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.wallclock import real_now
from google.protobuf.timestamp_pb2 import Timestamp
from installation import EDGE, Installation
from load_process import Load, LoadProcess, Order, body_of, loading
from platform_client import Client, linear_model, linear_signature, predict_linear, row

ADDRESS = EDGE.removeprefix("http://")
_REQUESTS = "METER_TYPE_INFERENCE_REQUEST"
_DAY = 86_400
# Of each caller, so that all together stay below what a team may ask in a second.
_PAUSE = 0.05


@dataclass(frozen=True, slots=True)
class Outside:
    """admin: the first one, logged in."""

    installation: Installation
    admin: Client
    token: str
    billing: Any

    async def deployed(self, model: str, replicas: int) -> None:
        """A new version of a model that adds, with so many pods."""
        execution = await self.admin.run(deployment(replicas), {"model": model, "version": await self.version(model)})
        assert execution.status == pipeline_pb2.EXECUTION_STATUS_COMPLETED, execution

    async def version(self, model: str) -> str:
        """Registered, and its artifact brought: by a way of its own to the store, which no client outside may reach."""
        request = registry_pb2.RegisterModelRequest(name=model, framework="onnx")
        model_id = (await self.admin.registry.RegisterModel(request)).model.id
        created = await self.admin.registry.CreateVersion(
            registry_pb2.CreateVersionRequest(model_id=model_id, signature=linear_signature())
        )
        await asyncio.to_thread(_put, self.installation, created.upload_url, linear_model())
        request = registry_pb2.ConfirmVersionUploadRequest(version_id=created.version.id)
        return str((await self.admin.registry.ConfirmVersionUpload(request)).version.version)

    async def withdrawn(self, model: str) -> None:
        """It serves no more, and takes none of the node's memory."""
        model_id = (await self.admin.registry.GetModel(registry_pb2.GetModelRequest(name=model))).model.id
        await self.admin.registry.DeleteModel(registry_pb2.DeleteModelRequest(id=model_id, force=True))

    @asynccontextmanager
    async def predicting(self, model: str, rate: float) -> AsyncIterator[LoadProcess]:
        """So many a second, by a client that repeats nothing, while the block runs."""
        order = Order(ADDRESS, self.token, body_of(model, row(1, 1, 1)), rate=rate, seconds=PATIENCE, timed=True)
        async with loading(order) as process:
            yield process

    async def asked(self, model: str, count: int) -> Load:
        """So often, by a few callers that each wait for their answer and repeat nothing."""
        body = body_of(model, row(1, 1, 1))
        async with loading(
            Order(ADDRESS, self.token, body, callers=4, count=count, pause=_PAUSE, seconds=PATIENCE)
        ) as process:
            return await process.ended()

    async def answered(self, model: str) -> None:
        """As soon as it answers what it should. Raises TimeoutError."""
        assert await predict_linear(self.admin, model, patience=5 * PATIENCE) == sum((1, 2, 3))

    async def metered(self) -> int:
        """Predictions of all time, as billing counts them."""
        request = billing_pb2.GetUsageRequest(period_start=Timestamp(seconds=_DAY))
        request.period_end.FromDatetime(real_now())
        request.period_end.seconds += _DAY
        usage = await self.billing.GetUsage(request)
        return sum(int(summary.by_meter[_REQUESTS].total_quantity) for summary in usage.summaries)

    async def metered_at_last(self, count: int) -> int:
        """As soon as it is so many, or what it is when it has not been for long."""
        for _ in range(int(4 * PATIENCE)):
            if (found := await self.metered()) >= count:
                break
            await asyncio.sleep(1)
        # One that counts twice has the time to do it.
        await asyncio.sleep(5)
        return max(found, await self.metered())


@asynccontextmanager
async def opened(installation: Installation) -> AsyncIterator[Outside]:
    stranger = Channels(None)
    try:
        login = Client(stranger.open(ADDRESS, timeout=PATIENCE))
        token = await login.login("admin@forgepoint.local", installation.password())
    finally:
        await stranger.close()
    known = Channels(BearerToken(token))
    try:
        channel = known.open(ADDRESS, timeout=PATIENCE)
        yield Outside(installation, Client(channel), token, billing_pb2_grpc.BillingServiceStub(channel))
    finally:
        await known.close()


def deployment(replicas: int) -> dict[str, Any]:
    found = pipelines.deployment()
    steps = [
        {**step, "config": {"replicas": {"min": replicas, "max": replicas}}, "timeout": "300s"}
        if step["id"] == "deploy"
        else step
        for step in found["steps"]
    ]
    return {**found, "name": f"deploy-{replicas}", "steps": steps}


def _put(installation: Installation, url: str, content: bytes) -> None:
    """Through the node's agent into the store's pod; what was signed is the name that the cluster has for it."""
    parts = urlsplit(url)
    cluster = installation.cluster
    command = [
        *(cluster.layout.program("kubectl"), f"--kubeconfig={cluster.layout.kubeconfig}"),
        *("--namespace", installation.namespace, "port-forward", "pod/s3-0", f":{parts.port}"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forward:
        try:
            assert forward.stdout is not None
            [port] = re.findall(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
            near = urlunsplit(parts._replace(netloc=f"127.0.0.1:{port}"))
            with httpx.Client(timeout=PATIENCE, verify=NO_TLS) as client:
                answer = client.put(near, content=content, headers={"host": parts.netloc})
            assert answer.is_success, answer.text
        finally:
            forward.terminate()
