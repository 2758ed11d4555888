"""Many fuzzed tensors of every element type through the whole platform: no 5xx, no process that ends, each refusal with
the name of its field.
"""

import asyncio
import os
import random
from collections import Counter

import httpx
import pytest
from fp_kernel.tensors import ElementType
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fuzzed_model import ask, deployed, infer
from fuzzed_tensors import without
from platform_client import Client, Platform

pytestmark = pytest.mark.proof
# Of each element type and way.
COUNT = int(os.environ.get("COUNT", "300"))
CALLERS = 8


async def test_no_tensor_of_any_type_is_an_internal_error(admin: Client, admin_token: str, platform: Platform):
    headers = {"authorization": f"Bearer {admin_token}"}
    outcomes: Counter[str] = Counter()
    async with httpx.AsyncClient(base_url=platform.http, headers=headers, timeout=PATIENCE, verify=NO_TLS) as http:
        for left_out in (ElementType.STRING, ElementType.BFLOAT16):
            kinds = without(left_out)
            name = await deployed(admin, f"all-but-{left_out}", kinds)
            before = await _starts(platform)

            async def some(caller: int, name=name, kinds=kinds) -> None:
                chance = random.Random(caller)  # noqa: S311 -- the same ones each time
                for each in kinds:
                    for _ in range(COUNT // CALLERS):
                        outcomes[f"gRPC {await ask(admin, name, kinds, each, chance)}"] += 1
                        outcomes[f"HTTP {await infer(http, name, kinds, each, chance)}"] += 1

            async with asyncio.TaskGroup() as group:
                for caller in range(CALLERS):
                    group.create_task(some(caller))
            assert await _starts(platform) == before
    print(f"\n{dict(outcomes)}")
    assert all(outcomes[f"{way} {end}"] for way in ("gRPC", "HTTP") for end in ("answered", "refused"))


async def _starts(platform: Platform) -> dict[str, int | None]:
    """Who runs each of the platform's programs: another one after a crash."""
    return {process.name: process.pid for process in (await platform.supervisor.status()).processes}
