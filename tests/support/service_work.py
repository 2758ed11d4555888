"""Of each service behind the edge: a read, a command with a key, and the table in which the command leaves a row."""

import asyncio
import itertools
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
from fp_gateway.methods import all_methods
from fp_kernel import Error, Unavailable, new_id
from fp_testkit.patience import PATIENCE
from google.protobuf import json_format, message_factory

METHODS = all_methods()
Call = Callable[..., Awaitable[Any]]
_TRACKING = "/forgepoint.experiment.v1.ExperimentTrackerService/"
_NOTIFICATIONS = "/forgepoint.notification.v1.NotificationService/"
_FEATURES = "/forgepoint.featurestore.v1.FeatureStoreService/"
_PIPELINES = "/forgepoint.pipeline.v1.PipelineOrchestratorService/"
_INFERENCE = "/forgepoint.inference.v1.InferenceGatewayService/"
_BILLING = "/forgepoint.billing.v1.BillingService/"
_MONITOR = "/forgepoint.monitor.v1.MonitorService/"
_REGISTRY = "/forgepoint.registry.v1.RegistryService/"
_AUTH = "/forgepoint.auth.v1.AuthService/"
GATEWAY = "gateway"
MOST_ATTEMPTS = 3
# Of an answer over HTTP: a repeat can help.
_AWAY = {502, 503, 504}
# Nobody deploys or asks it, so that its monitor changes by commands alone.
WATCHED = "watched"
_ROW = {"shape": [1, 3], "dtype": "DATA_TYPE_FLOAT32"}


@dataclass(frozen=True)
class Work:
    """read: a method that answers to an empty request. command: what is asked for with a new key, as often as it says.
    table, changes: each command leaves one change there, of the database of `keeper`, else of the service.
    setting: what must be there before, by name; see the proof.
    """

    read: str
    command: Callable[[Call, str], Awaitable[int]]
    table: str
    changes: str = "INSERT"
    keeper: str = ""
    setting: str = ""


def once(path: str, key_field: bool = True, **fields: Any) -> Callable[[Call, str], Awaitable[int]]:  # noqa: FBT001, FBT002
    """One command; `{}` in a text becomes its name. key_field: whether the request has a field for the key."""

    async def command(call: Call, name: str) -> int:
        filled = {field: value.format(name) if isinstance(value, str) else value for field, value in fields.items()}
        if key_field:
            await call(path, filled | {"idempotency_key": new_id()})
        else:
            await call(path, filled, ("idempotency-key", new_id()))
        return 1

    return command


async def _rule_and_its_end(call: Call, name: str) -> int:
    """A team has at most a hundred rules."""
    wanted = {"name": name, "patterns": ["fp.models.>"], "channels": ["NOTIFICATION_CHANNEL_IN_APP"]}
    made = await call(f"{_NOTIFICATIONS}CreateRule", wanted | {"idempotency_key": new_id()})
    await call(f"{_NOTIFICATIONS}DeleteRule", {"id": made.rule.id, "idempotency_key": new_id()})
    return 2


async def _prediction(call: Call, _: str) -> int:
    request = message_factory.GetMessageClass(METHODS[f"{_INFERENCE}Predict"].descriptor.input_type)()
    json_format.ParseDict({"model_name": "linear", "inputs": {"x": _ROW}, "idempotency_key": new_id()}, request)
    request.inputs["x"].data = np.ones(3, "<f4").tobytes()
    await call(f"{_INFERENCE}Predict", request)
    return 1


_SCOPES = ["models:read"]
_STEP = {"id": "check", "type": "STEP_TYPE_VALIDATE"}
_FEATURE = {"name": "speed", "value_type": "FEATURE_VALUE_TYPE_DOUBLE"}
_ENTITY = {"name": "plane", "join_key": "plane_id"}
_MONITORED = {"model_name": WATCHED, "window_size": 200, "min_samples": 20, "enabled": True}

WORKS: dict[str, Work] = {
    "auth": Work(f"{_AUTH}ListAPIKeys", once(f"{_AUTH}CreateAPIKey", False, name="{}", scopes=_SCOPES), "api_keys"),
    "registry": Work(f"{_REGISTRY}ListModels", once(f"{_REGISTRY}RegisterModel", name="{}"), "models"),
    # What a model was asked is metered once, by the id that the key gives the request.
    "inference": Work(f"{_INFERENCE}ListRoutes", _prediction, "usage_facts", keeper="billing", setting="served"),
    "pipeline": Work(
        f"{_PIPELINES}ListPipelines",
        once(f"{_PIPELINES}CreatePipeline", name="{}", type="PIPELINE_TYPE_DEPLOYMENT_SAGA", steps=[_STEP]),
        "pipelines",
    ),
    "featurestore": Work(
        f"{_FEATURES}ListFeatureViews",
        once(f"{_FEATURES}DefineFeatureView", name="{}", entity=_ENTITY, features=[_FEATURE]),
        "feature_views",
    ),
    "experiment": Work(
        f"{_TRACKING}ListExperiments", once(f"{_TRACKING}CreateExperiment", False, name="{}"), "experiments"
    ),
    "billing": Work(
        f"{_BILLING}ListRatePlans",
        once(f"{_BILLING}RecordUsage", meter_type="METER_TYPE_INFERENCE_TOKENS", quantity=1, source_request_id="{}"),
        "usage_facts",
    ),
    "notification": Work(f"{_NOTIFICATIONS}ListRules", _rule_and_its_end, "recipients", "INSERT OR DELETE"),
    # Over HTTP: its commands are those of the service behind it.
    GATEWAY: Work("/api/v1/models", once("/api/v1/models", False, name="{}"), "models", keeper="registry"),
    "monitor": Work(
        f"{_MONITOR}ListMonitors",
        once(f"{_MONITOR}ConfigureMonitor", **_MONITORED),
        "monitors",
        "INSERT OR UPDATE",
        setting="registered",
    ),
}


def caller(channel: Any, ids: Callable[[], str]) -> Call:
    """`await call(path, fields or message, *metadata)`: each call with a correlation id of its own."""

    async def call(path: str, request: Any = None, *metadata: tuple[str, str]) -> Any:
        method = METHODS[path].descriptor
        if not hasattr(request, "SerializeToString"):
            fields = request or {}
            request = json_format.ParseDict(fields, message_factory.GetMessageClass(method.input_type)())
        answer = message_factory.GetMessageClass(method.output_type)
        stub = channel.unary_unary(
            path, request_serializer=type(request).SerializeToString, response_deserializer=answer.FromString
        )
        return await stub(request, metadata=(("x-correlation-id", ids()), *metadata), timeout=PATIENCE)

    return call


def web_caller(http: httpx.AsyncClient, ids: Callable[[], str]) -> Call:
    """The same over HTTP, repeated as a client of ours would; each attempt has a correlation id of its own."""

    async def call(path: str, body: Any = None, *headers: tuple[str, str]) -> Any:
        failure = ""
        for attempt in range(MOST_ATTEMPTS):
            sent = {"x-correlation-id": ids(), **dict(headers)}
            try:
                answer = await http.request("POST" if body else "GET", path, json=body, headers=sent)
            except httpx.TransportError as error:
                failure = repr(error)
            else:
                if answer.is_success:
                    return answer.json()
                failure = f"{answer.status_code}: {answer.text}"
                if answer.status_code not in _AWAY:
                    break
            await asyncio.sleep(0.05 * 4**attempt)
        raise Unavailable(failure)

    return call


@dataclass
class Load:
    """Callers of services, until it is over. done: answers by noun and kind."""

    pause: float = 0.0
    over: asyncio.Event = field(default_factory=asyncio.Event)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    done: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))

    def start(self, group: asyncio.TaskGroup, noun: str, call: Call, readers: int, writers: int) -> None:
        for kind, count in (("read", readers), ("command", writers)):
            for number in range(count):
                group.create_task(self._caller(noun, call, kind, number))

    async def _caller(self, noun: str, call: Call, kind: str, number: int) -> None:
        work = WORKS[noun]
        for turn in itertools.count():
            if self.over.is_set():
                return
            try:
                answered = await (call(work.read) if kind == "read" else work.command(call, f"{noun}-{number}-{turn}"))
                self.done[noun][kind] += 1 if kind == "read" else answered
            except Error as error:
                self.failures.append((noun, kind, repr(error)))
            await asyncio.sleep(self.pause)
