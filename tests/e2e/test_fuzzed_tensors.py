"""Any tensor of any element type, over gRPC and over HTTP: it is answered, or its caller hears which field is wrong."""

import random

import httpx
import pytest
import pytest_asyncio
from deployed_models import FORM
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel.tensors import ElementType
from fp_testkit.http import NO_TLS
from fp_testkit.patience import PATIENCE
from fuzzed_model import ask, deployed, good, infer
from fuzzed_tensors import ANCHOR, without

# Of each element type and way.
FEW = 6


@pytest_asyncio.fixture
async def http(platform, admin_token):
    headers = {"authorization": f"Bearer {admin_token}"}
    async with httpx.AsyncClient(base_url=platform.http, headers=headers, timeout=PATIENCE, verify=NO_TLS) as client:
        yield client


@pytest.mark.parametrize("left_out", [ElementType.STRING, ElementType.BFLOAT16])
async def test_any_tensor_is_answered_or_refused_by_the_name_of_its_field(admin, http, left_out):
    kinds = without(left_out)
    name = await deployed(admin, f"all-but-{left_out}", kinds)
    chance = random.Random(9)  # noqa: S311 -- the same ones each time
    for each, tensor in kinds.items():
        if left_out is ElementType.BFLOAT16 and tensor.element is not ElementType.STRING:
            continue
        outcomes = [await ask(admin, name, kinds, each, chance) for _ in range(FEW)]
        outcomes += [await infer(http, name, kinds, each, chance) for _ in range(FEW)]
        assert {"answered", "refused"} >= set(outcomes)
    answer = await admin.inference.Predict(pb.PredictRequest(model_name=name, inputs=FORM.all_to_pb(good(kinds))))
    assert set(answer.outputs) == {f"{each}_out" for each in (ANCHOR, *kinds)}
