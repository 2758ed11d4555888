"""The API server of Kubernetes as far as refusals go: objects by their path, and no controller behind them."""

import json
from typing import Any

import httpx2
from fp_pipeline.adapters.kubernetes.cluster import MANAGER, Cluster
from lightkube import AsyncClient, KubeConfig
from lightkube.config.models import Cluster as Address
from lightkube.config.models import User


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {**old}
    for name, value in new.items():
        both[name] = merged(old[name], value) if isinstance(value, dict) and isinstance(old.get(name), dict) else value
    return both


class FakeApiServer:
    """refusals: answers by `METHOD path-end`, given in place of what would happen. calls: what came."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.logs: dict[str, str] = {}
        self.refusals: dict[str, httpx2.Response | Exception] = {}
        self.calls: list[str] = []

    def cluster(self, namespace: str) -> Cluster:
        config = KubeConfig.from_one(cluster=Address(server="https://api"), user=User(token="t"), namespace=namespace)
        transport = httpx2.MockTransport(self._answer)
        return Cluster(AsyncClient(config.get(), field_manager=MANAGER, transport=transport), namespace)

    def refuse(self, call: str, code: int, message: str) -> None:
        """From now on."""
        self.refusals[call] = _status(code, message)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path, method = request.url.path, request.method
        self.calls.append(f"{method} {path.partition('namespaces/')[2].partition('/')[2]}")
        for call, refusal in self.refusals.items():
            if method == call.split()[0] and path.endswith(call.split()[1]):
                return _given(refusal)
        if path.endswith("/log"):
            return httpx2.Response(200, text=self.logs[path.split("/")[-2]])
        body = json.loads(request.content) if request.content else {}
        if method == "GET":
            return self._read(path, request.url.params.get("labelSelector", ""))
        if method == "POST":
            return self._put(f"{path}/{body['metadata']['name']}", body, new=True)
        return self._change(method, path, body, applied="apply" in request.headers.get("Content-Type", ""))

    def _change(self, method: str, path: str, body: dict[str, Any], *, applied: bool) -> httpx2.Response:
        if path not in self.objects and not applied:
            return _status(404, f"{path} is not there")
        if method == "DELETE":
            del self.objects[path]
            return _status(200, "")
        return self._put(path, merged(self.objects.get(path, {}), body), new=False)

    def _read(self, path: str, selector: str) -> httpx2.Response:
        if path in self.objects:
            return httpx2.Response(200, json=self.objects[path])
        if path.rpartition("/")[2] not in {"pods", "deployments"}:
            return _status(404, f"{path} is not there")
        wanted = dict(part.split("=") for part in selector.split(",") if part)
        found = [
            each
            for place, each in self.objects.items()
            if place.startswith(f"{path}/") and wanted.items() <= each["metadata"].get("labels", {}).items()
        ]
        return httpx2.Response(200, json={"metadata": {}, "items": found})

    def _put(self, path: str, content: dict[str, Any], *, new: bool) -> httpx2.Response:
        if new and path in self.objects:
            return _status(409, "it is there")
        content["metadata"].setdefault("uid", f"uid-{len(self.objects)}")
        self.objects[path] = content
        return httpx2.Response(201 if new else 200, json=content)


def _status(code: int, message: str) -> httpx2.Response:
    return httpx2.Response(code, json={"kind": "Status", "apiVersion": "v1", "code": code, "message": message})


def _given(refusal: httpx2.Response | Exception) -> httpx2.Response:
    if isinstance(refusal, Exception):
        raise refusal
    return refusal
