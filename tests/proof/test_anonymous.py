"""Strangers at the public addresses of a platform: who is logged in hardly notices them, and they hold nothing."""

import asyncio
import json
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

# Of what strangers send, as the attack names it.
KINDS = {
    "body of 65536",
    "body of 16777216",
    "gRPC body of 65536",
    "gRPC body of 16777216",
    "half of a body",
    "half of a call",
    "login",
    "slow head",
    "two lengths",
}


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


async def held(platform) -> dict[str, float]:
    """MiB of the edge, the gateway and each service."""
    status = await platform.supervisor.status()
    return {each.name: each.memory_bytes / MEBIBYTE for each in status.processes if each.kind == "service"}


async def watched(platform, most: list[dict[str, float]]) -> None:
    while True:
        most.append(await held(platform))
        await asyncio.sleep(2.0)


def whole(sizes: dict[str, float]) -> float:
    return sum(sizes.values())


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, int]:
    """The processes that grew by more than five MiB."""
    return {name: round(size - before[name]) for name, size in after.items() if size - before[name] > 5}


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
    top = max(peak, key=whole)
    print(f"memory {whole(before):.0f} -> {whole(top):.0f} -> {whole(after):.0f} MiB")
    print(f"grown at the top {grown(before, top)}, afterwards {grown(before, after)}")
    print(answers.read_text())
    kinds = {name.partition(":")[0] for name in json.loads(answers.read_text())}
    assert kinds == KINDS, "some did not attack, or failed"
    assert "SMUGGLED" not in answers.read_text()
    assert whole(top) - whole(before) < 100
    assert whole(after) - whole(before) < 50
    assert p(besieged, 0.99) < 3 * p(quiet, 0.99)
