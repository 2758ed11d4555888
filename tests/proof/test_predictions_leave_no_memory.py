"""Many predictions, and what the processes keep of them: nothing that grows with their number."""

import asyncio
import os
import statistics
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest
from load_process import Load, Order, body_of, loading
from platform_client import deploy_linear, row

pytestmark = pytest.mark.proof
COUNT = int(os.environ.get("COUNT", "1000000"))
PARTS = 20
# Each with callers of its own: one alone would be what is measured.
GENERATORS = int(os.environ.get("GENERATORS", "2"))
CALLERS = int(os.environ.get("CALLERS", "16"))
# Caches fill in the first half: tokens, routes, answers of commands with a key, what consumers hold of a window.
WARMED = PARTS // 2
KIB = 1_024
# What a process may grow by for a thousand predictions of the second half; one object kept of each would be more. A
# heap that is collected stands now higher, now lower: less than this much in all says nothing.
MOST_KIB = 24.0
NOISE_KIB = 8.0 * KIB
# Of so many predictions one has a key, each its own. Its answer is kept for a day, as docs/operations/growth.toml says.
KEYED_EVERY = 4
KEPT_KIB = {"valkey": 1.5}
# What a process has allocated when it starts, and touches as time goes by: of SeaweedFS' heap of 233 MiB 36 are
# resident then (buffers of 8 MiB for the log of its metadata, 16 MiB in memory for each table of its filer).
ALLOCATED_KIB = {"seaweedfs": 240.0 * KIB}


async def predictions(address: str, token: str, count: int) -> list[Load]:
    """Directly at inference, so that no time goes by elsewhere."""
    async with AsyncExitStack() as stack:
        order = Order(
            address,
            token,
            body_of("kept", row(1, 1, 1)),
            callers=CALLERS // GENERATORS,
            count=count // GENERATORS,
            keyed_every=KEYED_EVERY,
            patient=True,
        )
        processes = [await stack.enter_async_context(loading(order)) for _ in range(GENERATORS)]
        return [await each.ended() for each in processes]


def held(pid: int) -> float:
    """KiB of memory of its own: files that it maps come and go as the system likes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return float(line.split()[1])
    return 0.0


async def memory(platform) -> dict[str, float]:
    """KiB of each process of the platform; of a store with those that it has started."""
    found = {}
    for each in (await platform.supervisor.status(memory=False)).processes:
        if each.pid is None:
            continue
        family = psutil.Process(each.pid).children(recursive=True) if each.kind == "store" else []
        found[each.name] = sum(held(pid) for pid in (each.pid, *(child.pid for child in family)))
    return found


def growth(seen: list[float]) -> float:
    """From the beginning to the end of what was seen, of three each the one in the middle: from its second to the last
    but one.
    """
    return statistics.median(seen[-3:]) - statistics.median(seen[:3])


async def test_no_process_grows_with_the_number_of_predictions(platform, connect):
    access = platform.access
    admin = connect(await connect().login(access.email, access.password))
    await deploy_linear(admin, "kept")
    status = await platform.supervisor.status(memory=False)
    address = next(each.addresses["grpc"] for each in status.processes if each.name == "inference")
    seen, rates = [], []
    for part in range(PARTS):
        # A token lasts a quarter of an hour.
        token = await connect().login(access.email, access.password)
        loads = await predictions(address, token, COUNT // PARTS)
        assert {outcome for load in loads for outcome in load.outcomes} == {"OK"}
        made, seconds = sum(load.outcomes["OK"] for load in loads), max(load.seconds for load in loads)
        rates.append(made / seconds)
        cost = 1e6 * sum(load.cpu_seconds for load in loads) / made
        await asyncio.sleep(1)
        seen.append(await memory(platform))
        rounded = {name: round(kib / KIB, 1) for name, kib in seen[-1].items()}
        print(f"\npart {part}: {rates[-1]:.0f}/s, {cost:.0f} us of the client each; MiB: {rounded}", flush=True)
    # Between the two that `growth` compares.
    thousands = (PARTS - WARMED - 3) * COUNT / PARTS / 1_000
    # A process that came later has nothing to be compared with.
    names = [name for name in seen[-1] if all(name in part for part in seen[WARMED:])]
    grown = {name: growth([part[name] for part in seen[WARMED:]]) for name in names}
    print(
        f"\n{COUNT} predictions, {statistics.median(rates):.0f}/s, load {os.getloadavg()[0]:.1f}; KiB a thousand in "
        f"their second half: { ({name: round(kib / thousands, 1) for name, kib in grown.items()}) }"
    )
    most = max(NOISE_KIB, MOST_KIB * thousands)
    kept = {name: each * thousands * 1_000 / KEYED_EVERY for name, each in KEPT_KIB.items()}
    bounded = {name for name, kib in ALLOCATED_KIB.items() if seen[-1].get(name, 0.0) <= kib}
    too_much = {name: round(kib) for name, kib in grown.items() if kib > most + kept.get(name, 0.0)}
    assert {name: kib for name, kib in too_much.items() if name not in bounded} == {}
