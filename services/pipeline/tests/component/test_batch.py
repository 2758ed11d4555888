"""A batch over the files of one step, joined by another, with a real object store."""

import json
import urllib.request
from typing import Any

from forgepoint.pipeline.v1 import pipeline_pb2 as pb

BATCH: dict[str, Any] = {
    "name": "batch",
    "type": "PIPELINE_TYPE_BATCH_INFERENCE",
    "steps": [
        {
            "id": "score",
            "type": "STEP_TYPE_CUSTOM",
            "config": {"module": "work.score", "outputs": ["scores.json"], "fan_out": {"from_input": "chunks"}},
        },
        {"id": "join", "type": "STEP_TYPE_CUSTOM", "dependsOn": ["score"], "config": {"module": "work.join"}},
    ],
}


def put(url: str, content: object) -> None:
    request = urllib.request.Request(url, data=json.dumps(content).encode(), method="PUT")  # noqa: S310 -- presigned
    with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
        response.read()


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as response:  # noqa: S310 -- presigned by the pipeline
        return json.loads(response.read())


def score(spec: dict[str, Any]) -> list[str]:
    put(spec["outputs"]["scores.json"], [number * 10 for number in spec["item"]])
    put(spec["result_url"], {"rows": len(spec["item"])})
    return [f"chunk {spec['item_index']}"]


def join(spec: dict[str, Any]) -> list[str]:
    items = get(spec["inputs"]["score/items.json"])
    scores = [number for item in items for number in get(item["files"]["scores.json"])]
    put(spec["result_url"], {"scores": scores})
    return []


async def test_a_set_is_scored_chunk_by_chunk_and_joined(replica, client, peers):
    peers.supervisor.jobs = {"work.score": score, "work.join": join}
    engineer = client((await replica()).grpc_address)
    pipeline = await engineer.create(BATCH)
    ended = await engineer.ended((await engineer.trigger(pipeline.id, chunks=[[1, 2], [3], [4, 5]])).id)
    assert ended.status == pb.EXECUTION_STATUS_COMPLETED, ended.error
    whole, joined, *items = ended.step_executions
    assert (whole.item_count, whole.completed_items) == (3, 3)
    assert [dict(result)["rows"] for result in whole.output["results"]] == [2, 1, 2]
    assert list(joined.output["scores"]) == [10, 20, 30, 40, 50]
    assert [item.step_id for item in items] == ["score.0", "score.1", "score.2"]
    log = engineer.stub.StreamStepLogs(pb.StreamStepLogsRequest(execution_id=ended.id, step_id="score.2"))
    assert [message.text async for message in log] == ["chunk 2"]
