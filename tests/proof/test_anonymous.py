"""Strangers at the public addresses of a platform: who is logged in hardly notices them, and they hold nothing."""

import asyncio
import sys
import time
from pathlib import Path

import pytest
from forgepoint.registry.v1 import registry_pb2
from platform_client import Client

pytestmark = pytest.mark.proof
ATTACK = Path(__file__).parents[1] / "support" / "anonymous_attack.py"
MEBIBYTE = 2**20
QUIET_SECONDS, ATTACK_SECONDS, SETTLING_SECONDS = 20.0, 60.0, 15.0
# The processes that answer strangers or those who ask for others.
KINDS = {"service", "edge"}


async def waits(client: Client, seconds: float) -> list[float]:
    """Seconds of reads of somebody who is logged in, one after another."""
    found, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.perf_counter()
        await client.registry.ListModels(registry_pb2.ListModelsRequest())
        found.append(time.perf_counter() - began)
        await asyncio.sleep(0.005)
    return sorted(found)


def p(found: list[float], share: float) -> float:
    """Milliseconds."""
    return found[int(len(found) * share)] * 1e3


async def held(platform) -> float:
    """MiB of the edge, the gateway and the services."""
    status = await platform.supervisor.status()
    return sum(each.memory_bytes for each in status.processes if each.kind in KINDS) / MEBIBYTE


async def watched(platform, peak: list[float]) -> None:
    while True:
        peak.append(await held(platform))
        await asyncio.sleep(2.0)


async def test_strangers_slow_nobody_down_by_more_than_three_times_and_hold_no_memory(platform, admin, tmp_path):
    await waits(admin, 5.0)
    quiet, before = await waits(admin, QUIET_SECONDS), await held(platform)
    answers, peak = tmp_path / "answers.json", [before]
    command = [sys.executable, str(ATTACK), platform.access.address, platform.access.http_address, str(answers)]
    strangers = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    watching = asyncio.ensure_future(watched(platform, peak))
    try:
        assert await strangers.stdout.readline() == b"there\n"
        besieged = await waits(admin, ATTACK_SECONDS)
    finally:
        watching.cancel()
        strangers.kill()
        await strangers.wait()
    await asyncio.sleep(SETTLING_SECONDS)
    after = await held(platform)
    print(f"\n{len(quiet)} and {len(besieged)} reads, p50 {p(quiet, 0.5):.1f} -> {p(besieged, 0.5):.1f} ms", end="")
    print(f", p99 {p(quiet, 0.99):.1f} -> {p(besieged, 0.99):.1f} ms")
    print(f"memory {before:.0f} -> {max(peak):.0f} -> {after:.0f} MiB")
    print(answers.read_text())
    assert "SMUGGLED" not in answers.read_text()
    assert max(peak) - before < 100
    assert after - before < 50
    assert p(besieged, 0.99) < 3 * p(quiet, 0.99)
