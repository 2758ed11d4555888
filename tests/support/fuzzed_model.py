"""What a platform says to fuzzed tensors: never an internal error, and of a refusal the field."""

import random
from collections.abc import Mapping

import httpx
from deployed_models import FORM, deploy
from forgepoint.inference.v1 import inference_pb2 as pb
from fp_kernel import InvalidArgument, NotFound
from fp_kernel.tensors import Tensor
from fuzzed_tensors import ANCHOR, GOOD, body, document, message, model, oip
from platform_client import Client

Kinds = Mapping[str, Tensor]


async def deployed(client: Client, name: str, kinds: Kinds) -> str:
    """Name of a model that gives back what it takes."""
    try:
        await client.inference.GetModelInfo(pb.GetModelInfoRequest(model_name=name))
    except NotFound:
        await deploy(client, name, model(kinds))
    return name


def good(kinds: Kinds) -> Kinds:
    return {**kinds, ANCHOR: GOOD["float32"]}


async def ask(client: Client, name: str, kinds: Kinds, wrong: str, chance: random.Random) -> str:
    """Over gRPC, with one tensor that may be wrong."""
    inputs = dict(FORM.all_to_pb(good(kinds)))
    inputs[wrong] = message(FORM, kinds[wrong], chance)
    refusal: InvalidArgument | None = None
    try:
        answer = await client.inference.Predict(pb.PredictRequest(model_name=name, inputs=inputs))
    except InvalidArgument as error:
        refusal = error
    if refusal is not None:
        named = [violation.field for violation in refusal.fields]
        assert named, (refusal, inputs[wrong])
        assert all(field.startswith(f"inputs[{wrong}]") for field in named), (named, inputs[wrong])
        return "refused"
    assert answer.outputs[f"{wrong}_out"].data == inputs[wrong].data
    return "answered"


async def infer(http: httpx.AsyncClient, name: str, kinds: Kinds, wrong: str, chance: random.Random) -> str:
    """By the Open Inference Protocol over HTTP."""
    tensors = {each: oip(each, tensor) for each, tensor in good(kinds).items()}
    tensors[wrong] = document(wrong, kinds[wrong], chance)
    sent = body({"inputs": list(tensors.values())})
    answer = await http.post(f"/v2/models/{name}/infer", content=sent, headers={"content-type": "application/json"})
    if answer.status_code == httpx.codes.OK:
        assert f"{wrong}_out" in {output["name"] for output in answer.json()["outputs"]}
        return "answered"
    assert answer.status_code == httpx.codes.BAD_REQUEST, (answer.status_code, answer.text, tensors[wrong])
    fields = [violation["field"] for violation in answer.json().get("fields", ())]
    place = list(tensors).index(wrong)
    # A document without a name, or that is no JSON for a reader of UTF-8, is named by its place or as a whole.
    known = (f"inputs[{wrong}]", f"inputs[{place}]", "body")
    assert fields, (answer.text, tensors[wrong])
    assert all(field.startswith(known) for field in fields), (fields, tensors[wrong])
    return "refused"
