"""The edge as a container runs it, in front of whatever a test or a benchmark puts behind it."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import fp_platform
import httpx

from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fp_testkit.ports import free_port

NOUNS: tuple[str, ...] = (*fp_platform.services()["edge"]["peers"], "gateway_http")
NOBODY = "127.0.0.1:9"


class EdgeProcess:
    """addresses: of what stands behind it, by noun; `host:port,host:port` for replicas.

    settings: see docs/edge.md.
    """

    def __init__(self, folder: Path, addresses: dict[str, str], **settings: str) -> None:
        self._folder = folder
        ports = {"FP_EDGE_PORT": str(free_port()), "FP_HTTP_PORT": str(free_port())}
        self.environment = {
            "PATH": os.environ["PATH"],
            "FP_BIND_HOST": "127.0.0.1",
            "FP_EDGE_FOLDER": str(folder / "edge"),
            "FP_EDGE_PROOFS": ",".join(f"{noun}=the-proof-of-{noun}" for noun in NOUNS),
            **{f"FP_{noun.upper()}_ADDR": addresses.get(noun, NOBODY) for noun in NOUNS},
            **ports,
            **settings,
        }
        self.folder = folder / "edge"
        self.address = f"127.0.0.1:{ports['FP_EDGE_PORT']}"
        self.running: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Returns when it serves."""
        self.running = self._launch()
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
            while not await self.answers(http):
                assert self.running.poll() is None, self.log
                await asyncio.sleep(0.05)

    async def reload(self, **settings: str) -> None:
        """Write its files anew with these settings, while it runs."""
        self.environment |= settings
        await self.told("--reload")

    async def told(self, *arguments: str) -> None:
        """What the program does beside the Envoy that runs."""
        command = [sys.executable, "-m", "fp_edge", *arguments]
        done = await asyncio.create_subprocess_exec(*command, env=self.environment)
        assert await done.wait() == 0

    async def figure(self, name: str) -> float:
        """The sum of a metric over its labels."""
        async with httpx.AsyncClient(timeout=PATIENCE, verify=NO_TLS) as http:
            text = (await http.get(f"http://127.0.0.1:{self.environment['FP_HTTP_PORT']}/metrics")).text
        lines = [line for line in text.splitlines() if line.split("{")[0].split(" ")[0] == name]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    @property
    def log(self) -> str:
        return (self._folder / "edge.log").read_text()

    async def stop(self) -> None:
        if self.running is not None and self.running.poll() is None:
            self.running.send_signal(signal.SIGTERM)
            await asyncio.to_thread(self.running.wait)

    def _launch(self) -> "subprocess.Popen[bytes]":
        with (self._folder / "edge.log").open("ab") as log:
            command = [sys.executable, "-m", "fp_edge"]
            return subprocess.Popen(command, env=self.environment, stdout=log, stderr=log)

    async def answers(self, http: httpx.AsyncClient) -> bool:
        """Whether it is ready."""
        try:
            return (await http.get(f"http://127.0.0.1:{self.environment['FP_HTTP_PORT']}/readyz")).is_success
        except httpx.HTTPError:
            return False
