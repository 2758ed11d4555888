"""Strangers at the public addresses of a platform: who is logged in hardly notices them, and they hold nothing."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from forgepoint.registry.v1 import registry_pb2
from platform_client import Client

pytestmark = pytest.mark.proof
ATTACK = Path(__file__).parents[1] / "support" / "anonymous_attack.py"
MEBIBYTE = 2**20
QUIET_SECONDS, ATTACK_SECONDS = 20.0, 60.0
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


def p99(found: list[float]) -> float:
    return found[int(len(found) * 0.99)]


async def held(platform) -> float:
    """MiB of the edge, the gateway and the services."""
    status = await platform.supervisor.status()
    return sum(each.memory_bytes for each in status.processes if each.kind in KINDS) / MEBIBYTE


async def watched(platform, peak: list[float]) -> None:
    while True:
        peak.append(await held(platform))
        await asyncio.sleep(2.0)


async def test_strangers_slow_nobody_down_by_more_than_three_times_and_hold_no_memory(platform, admin):
    await waits(admin, 5.0)
    quiet, before = await waits(admin, QUIET_SECONDS), await held(platform)
    command = [sys.executable, str(ATTACK), platform.access.address, platform.access.http_address]
    strangers = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 -- at once
    print("quiet", len(quiet), p99(quiet), before, flush=True)
    peak: list[float] = []
    watching = asyncio.ensure_future(watched(platform, peak))
    try:
        assert strangers.stdout.readline().strip() == "there"
        besieged = await waits(admin, ATTACK_SECONDS)
    finally:
        watching.cancel()
        strangers.stdin.close()
        answers, failed = strangers.stdout.readline(), strangers.stdout.readline()
        strangers.kill()
        strangers.wait()
        strangers.stdout.close()
    await asyncio.sleep(15.0)
    after = await held(platform)
    print(f"\np50 {quiet[len(quiet) // 2] * 1e3:.1f} -> {besieged[len(besieged) // 2] * 1e3:.1f} ms")
    print(f"p99 {p99(quiet) * 1e3:.1f} -> {p99(besieged) * 1e3:.1f} ms")
    print(f"memory {before:.0f} -> {max(peak):.0f} -> {after:.0f} MiB")
    print(json.dumps(json.loads(answers), indent=1), failed)
    assert "SMUGGLED" not in answers
    assert max(peak) - before < 100
    assert after - before < 50
    assert p99(besieged) < 3 * p99(quiet)
