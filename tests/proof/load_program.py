"""A process that does nothing but predict: no other work of a test is in the way of its callers.

The first line of its input is an order, JSON; it ends when it has asked `count` times, or at the end of its input, and
then writes one line, what came of it. See `load_process.Order`.
"""

import asyncio
import json
import secrets
import sys
import threading
import time
from collections import Counter
from typing import Any

import grpc
import uvloop
from forgepoint.inference.v1 import inference_pb2 as pb

_METHOD = "/forgepoint.inference.v1.InferenceGatewayService/Predict"
_LONGEST = 200
_PATIENT = grpc.StatusCode.RESOURCE_EXHAUSTED


class Load:
    def __init__(self, order: dict[str, Any], channel: grpc.aio.Channel) -> None:
        # Bytes in and out: what the client itself costs is not what is measured.
        self._method: Any = channel.unary_unary(_METHOD)
        self._order = order
        self._body = bytes.fromhex(order["body"])
        self._metadata = (("authorization", f"Bearer {order['token']}"),)
        self._keys, self._asked = secrets.token_hex(8), 0
        self.outcomes: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.waits: list[float] = []
        self.answers: list[tuple[float, float, str]] = []
        self.behind = 0.0

    async def run(self, stopped: asyncio.Event) -> None:
        work = asyncio.ensure_future(self._at_a_rate() if self._order["rate"] else self._callers())
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
        for each in (work, waiting):
            each.cancel()
        await asyncio.wait({work, waiting})
        if not work.cancelled() and work.exception() is not None:
            raise work.exception()  # type: ignore[misc]

    async def _callers(self) -> None:
        async with asyncio.TaskGroup() as callers:
            for _ in range(self._order["callers"]):
                callers.create_task(self._caller())

    async def _caller(self) -> None:
        while not self._order["count"] or self._asked < self._order["count"]:
            self._asked += 1
            await self._ask(time.monotonic(), self._asked)
            if self._order["pause"]:
                await asyncio.sleep(self._order["pause"])

    async def _at_a_rate(self) -> None:
        """Each is asked when it is due, whoever still waits; what waits counts from when it was due."""
        rate, began = self._order["rate"], time.monotonic()
        async with asyncio.TaskGroup() as calls:
            while True:
                due = began + self._asked / rate
                left = due - time.monotonic()
                if left > 0:
                    await asyncio.sleep(left)
                self.behind = max(self.behind, -left)
                self._asked += 1
                calls.create_task(self._ask(due, self._asked))

    async def _ask(self, began: float, number: int) -> None:
        body = self._body
        if self._order["keyed_every"] and number % self._order["keyed_every"] == 0:
            # Fields that are written one after the other are one message.
            body += pb.PredictRequest(idempotency_key=f"{self._keys}/{number}").SerializeToString()
        while True:
            try:
                answer = await self._method(body, timeout=self._order["seconds"], metadata=self._metadata)
            except grpc.aio.AioRpcError as error:
                if self._order["patient"] and error.code() is _PATIENT:
                    await asyncio.sleep(0.05)
                    continue
                self.outcomes[error.code().name] += 1
                self.failures[f"{error.code().name}: {error.details()}"[:_LONGEST]] += 1
            else:
                self.outcomes["OK"] += 1
                if self._order["detailed"]:
                    version = pb.PredictResponse.FromString(answer).served_version
                    self.answers.append((began, time.monotonic(), version))
            if self._order["timed"]:
                self.waits.append(time.monotonic() - began)
            return


async def _main() -> None:
    order = json.loads(sys.stdin.readline())
    stopped, loop = asyncio.Event(), asyncio.get_running_loop()

    def end() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(stopped.set)

    threading.Thread(target=end, daemon=True).start()
    async with grpc.aio.insecure_channel(order["address"]) as channel:
        load = Load(order, channel)
        began = time.monotonic()
        await load.run(stopped)
        seconds = time.monotonic() - began
    told = dict(load.failures.most_common(20))
    found = {
        "outcomes": load.outcomes,
        "failures": told,
        "waits": load.waits,
        "answers": load.answers,
        "behind": load.behind,
    }
    print(json.dumps(found | {"seconds": seconds, "cpu_seconds": time.process_time()}), flush=True)


if __name__ == "__main__":
    uvloop.run(_main())
