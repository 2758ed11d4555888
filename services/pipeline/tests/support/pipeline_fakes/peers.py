"""The peers of pipeline over a `World`."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any
from zlib import crc32

from fp_kernel import FailedPrecondition, InvalidArgument, NotFound, Unimplemented
from fp_kernel.revisions import NOTHING, check_revision
from fp_pipeline.app.peers import (
    Actor,
    Job,
    JobSpec,
    JobState,
    ModelDraft,
    ModelRef,
    ModelVersion,
    Stage,
    Upload,
    VersionDraft,
    VersionStatus,
)
from fp_pipeline.domain.config import FULL_WEIGHT_BPS
from fp_pipeline.domain.traffic import Split, Weights
from pipeline_fakes.world import World


class FakeRegistry:
    def __init__(self, world: World) -> None:
        self._world = world

    async def version(self, actor: Actor, model: ModelRef, version: str) -> ModelVersion:
        self._world.called("version", f"{model} {version}")
        return self._found(f"{model.name or model.id.removeprefix('model-')}-{version}")

    async def by_id(self, actor: Actor, version_id: str) -> ModelVersion:
        self._world.called("by_id", version_id)
        return self._found(version_id)

    async def settled(self, actor: Actor, version_id: str) -> ModelVersion:
        self._world.called("settled", version_id)
        return self._found(version_id)

    async def in_production(self, actor: Actor, model_id: str) -> str:
        self._world.called("in_production", model_id)
        return self._world.production(model_id.removeprefix("model-"))

    async def promote(self, actor: Actor, version_id: str, stage: Stage, key: str) -> None:
        self._world.called("promote", f"{version_id} {stage}")
        self._world.once(key, lambda: self._move(version_id, stage))

    async def roll_back(self, actor: Actor, model_id: str, key: str) -> None:
        self._world.called("roll_back", model_id)
        model = model_id.removeprefix("model-")
        archived = [
            version_id
            for version_id, each in self._world["versions"].items()
            if each["model"] == model and each.get("was_production") and each["stage"] == "ARCHIVED"
        ]
        if not archived:
            raise Unimplemented("nothing to go back to")
        self._world.once(key, lambda: self._move(archived[-1], Stage.PRODUCTION))

    async def ensure_model(self, actor: Actor, draft: ModelDraft, key: str) -> str:
        self._world.called("ensure_model", draft.name)
        model_id: str = self._world["models"].setdefault(draft.name, f"model-{draft.name}")
        self._world.save()
        return model_id

    async def create_version(self, actor: Actor, draft: VersionDraft, key: str) -> Upload:
        self._world.called("create_version", draft.model_id)
        model = draft.model_id.removeprefix("model-")

        def create() -> list[str]:
            number = str(sum(1 for each in self._world["versions"].values() if each["model"] == model) + 1)
            version_id = self._world.add_version(model, number, status="PENDING_UPLOAD")
            self._world["versions"][version_id] |= {
                "metrics": dict(draft.metrics),
                "run_id": draft.run_id,
                "profile": draft.profile.decode(),
            }
            return [version_id, number, f"put:uploads/{version_id}"]

        return Upload(*self._world.once(key, create))

    async def confirm_upload(self, actor: Actor, version_id: str, digest: str, key: str) -> ModelVersion:
        self._world.called("confirm_upload", version_id)
        stored = self._world["versions"][version_id]
        content = self._world["objects"].get(f"uploads/{version_id}", "")
        stored["status"] = "READY" if digest == _digest(content) else "FAILED"
        stored["digest"] = _digest(content)
        stored["reason"] = "" if stored["status"] == "READY" else "the digest is another"
        self._world.save()
        return self._found(version_id)

    def _found(self, version_id: str) -> ModelVersion:
        stored = self._world["versions"].get(version_id)
        if stored is None:
            raise NotFound(f"no version {version_id}")
        return ModelVersion(
            model_id=self._world["models"][stored["model"]],
            model_name=stored["model"],
            version_id=version_id,
            version=stored["version"],
            status=VersionStatus(stored["status"]),
            stage=Stage(stored["stage"]),
            digest=stored["digest"],
            failure_reason=stored["reason"],
            inputs=frozenset(stored.get("inputs", ())),
            size_bytes=stored.get("size_bytes", 1_000),
            archived=stored["model"] in self._world["archived"],
        )

    def _move(self, version_id: str, stage: Stage) -> str:
        stored = self._world["versions"][version_id]
        incumbent = self._world.production(stored["model"])
        if stage is Stage.PRODUCTION and incumbent and incumbent != version_id:
            self._world["versions"][incumbent]["stage"] = "ARCHIVED"
        stored["stage"] = stage.value
        if stage is Stage.PRODUCTION:
            stored["was_production"] = True
        return stage.value


class FakeTraffic:
    def __init__(self, world: World) -> None:
        self._world = world

    async def shares(self, actor: Actor, model_name: str) -> Split:
        self._world.called("shares", model_name)
        weights: Weights = self._world["splits"].get(model_name, {})
        return Split(weights, self._revision(model_name))

    def _revision(self, model_name: str) -> int:
        """Another one for each split that there may be, whoever set it."""
        weights = self._world["splits"].get(model_name)
        return crc32(json.dumps(weights, sort_keys=True).encode()) if weights else NOTHING

    async def split(
        self, actor: Actor, model_name: str, weights: Weights, key: str, expected: int | None = None
    ) -> None:
        self._world.called("split", f"{model_name} {json.dumps(dict(sorted(weights.items())))}")
        if sum(weights.values()) != FULL_WEIGHT_BPS:
            raise FailedPrecondition("the weights do not sum to 10000")

        def change() -> None:
            check_revision(expected, self._revision(model_name))
            self._world["splits"].update({model_name: dict(weights)})

        self._world.once(key, change)


class FakeJobs:
    """A job ends at once; what it says is planned by step.

    results: the JSON it puts, by step; None puts nothing. failing: steps whose job fails, and how often. lasting: steps
    whose job runs until it is stopped. says: the lines of its log. seconds: for which each job runs.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.results: dict[str, Any] = {}
        self.failing: dict[str, int] = {}
        self.lasting: set[str] = set()
        self.says: dict[str, list[str]] = {}
        self.seconds = 0.0
        self.specs: list[dict[str, Any]] = []
        self.environments: list[Mapping[str, str]] = []
        self.modules: list[str] = []

    async def find(self, name: str) -> Job | None:
        self._world.called("find_job", name)
        return self._job(name)

    async def start(self, name: str, spec: JobSpec) -> Job:
        self._world.called("start_job", name)
        if name not in self._world["jobs"]:
            told = json.loads(spec.environment["FP_JOB_SPEC"])
            self.specs.append(told)
            self.environments.append(spec.environment)
            self.modules.append(spec.module)
            self._world["jobs"][name] = self._run(told)
            self._world.save()
        return self._job(name) or Job(JobState.FAILED)

    async def stop(self, name: str) -> None:
        self._world.called("stop_job", name)
        stored = self._world["jobs"].get(name)
        if stored is not None and stored["state"] == "RUNNING":
            stored |= {"state": "FAILED", "reason": "stopped"}
            self._world.save()

    async def log(self, name: str, after_line: int, limit: int) -> Sequence[str]:
        stored = self._world["jobs"].get(name, {"lines": []})
        return list(stored["lines"][after_line : after_line + limit])

    def _run(self, spec: dict[str, Any]) -> dict[str, Any]:
        step_id = spec["step_id"]
        lines = list(self.says.get(step_id, [f"attempt {spec['attempt']} of {step_id}"]))
        if step_id in self.lasting:
            return {"state": "RUNNING", "reason": "", "lines": lines}
        if self.failing.get(step_id, 0) > 0:
            self.failing[step_id] -= 1
            return {"state": "FAILED", "reason": "exit code 1", "lines": [*lines, "ValueError: no data"]}
        for file, url in spec["outputs"].items():
            self._world["objects"][url.removeprefix("put:")] = f"{file} of {step_id}"
        result = self.results.get(step_id, {"metrics": {"auc": 0.7}})
        if result is not None:
            self._world["objects"][spec["result_url"].removeprefix("put:")] = json.dumps(result)
        return {"state": "SUCCEEDED", "reason": "", "lines": lines}

    def _job(self, name: str) -> Job | None:
        stored = self._world["jobs"].get(name)
        if stored is None:
            return None
        seconds = 0.0 if stored["state"] == "RUNNING" else self.seconds
        return Job(JobState(stored["state"]), stored["reason"], len(stored["lines"]), seconds)


class FakeArtifacts:
    def __init__(self, world: World) -> None:
        self._world = world

    def download_url(self, key: str, life: timedelta) -> str:
        return f"get:{key}"

    def upload_url(self, key: str, life: timedelta) -> str:
        return f"put:{key}"

    async def get(self, key: str, *, limit: int) -> bytes | None:
        self._world.called("get", key)
        content = self._world["objects"].get(key)
        if content is not None and len(content) > limit:
            raise InvalidArgument(f"{key.rpartition('/')[2]} is larger than {limit} bytes")
        return content.encode() if content is not None else None

    async def put(self, key: str, content: bytes, *, content_type: str = "") -> None:
        self._world.called("put", key)
        self._world["objects"][key] = content.decode()
        self._world.save()

    async def digest(self, key: str) -> str:
        self._world.called("digest", key)
        return _digest(self._world["objects"][key])

    async def send(self, key: str, url: str) -> None:
        self._world.called("send", url)
        self._world["objects"][url.removeprefix("put:")] = self._world["objects"][key]
        self._world.save()


class FakeJobTokens:
    def __init__(self, world: World) -> None:
        self._world = world

    async def issue(
        self, actor: Actor, execution_id: str, step_id: str, ttl: float, permissions: Sequence[str] = ()
    ) -> str:
        self._world.called("issue_token", step_id)
        return " ".join([f"token of {step_id} for {actor.team}", *permissions])


def _digest(content: str) -> str:
    return f"sha256:{sha256(content.encode()).hexdigest()}"
