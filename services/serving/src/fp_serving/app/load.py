"""Bring a model version up."""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeVar

from fp_kernel import Clock, Error, InvalidArgument, Kind
from fp_kernel.ensembles import Ensemble, derive
from fp_kernel.tensors import Tensor
from fp_kernel.warm_ups import samples_of
from fp_telemetry import get_logger

from fp_serving.app.plan import Plan
from fp_serving.app.ports import Artifacts, Engine, Members, Model, Registry, Runner
from fp_serving.app.slot import Loaded, Slot, VersionFacts
from fp_serving.domain.arrays import Array, decode
from fp_serving.domain.lifecycle import LoadFailed, ModelState, WarmUpFailed, WrongDigest
from fp_serving.domain.samples import is_typical, same_rows, sample
from fp_serving.domain.schema import Schema

T = TypeVar("T")

_PASSING = frozenset(
    {
        Kind.UNAVAILABLE,
        Kind.DEADLINE_EXCEEDED,
        Kind.ABORTED,
        Kind.RESOURCE_EXHAUSTED,
        Kind.CANCELLED,
        Kind.INTERNAL,
        # Auth may come up after this process and with other keys than it first saw.
        Kind.UNAUTHENTICATED,
    }
)
_DOWNLOADS = 2
_MEASURED = 5
# Seconds of a run of one row from which on threads are worth it: waking them takes up to a tenth of that.
_LONG = 0.002
# Bytes that a model takes beside its weights, at least: each of 500 small ones took 141 KiB. The growth that is seen
# around one load misses what the allocator had to spare, and was a fifth of that.
_BESIDE = 128 * 1024

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds between attempts while the registry or the object store is away."""

    first: float = 0.2
    longest: float = 5.0


Admission = Callable[[VersionFacts], AbstractAsyncContextManager[object]]


def unhindered(_: VersionFacts) -> AbstractAsyncContextManager[object]:
    return nullcontext()


class Load:
    """Runs once; ends with the slot READY or FAILED and never raises for what is wrong with the model.

    admission: entered with what is to be loaded, left when it is; raises LoadFailed to refuse it.
    members, took: of the version, should it be an ensemble; told the seconds of its answers.
    """

    def __init__(
        self,
        slot: Slot,
        *,
        registry: Registry,
        artifacts: Artifacts,
        engine: Engine,
        runner: Runner,
        clock: Clock,
        patience: Patience | None = None,
        resident: Callable[[], int] = lambda: 0,
        admission: Admission = unhindered,
        members: Members,
        took: Callable[[float], object] = lambda _: None,
    ) -> None:
        self._slot = slot
        self._registry = registry
        self._artifacts = artifacts
        self._engine = engine
        self._runner = runner
        self._clock = clock
        self._patience = patience or Patience()
        self._resident = resident
        self._admission = admission
        self._members = members
        self._took = took

    async def __call__(self) -> None:
        try:
            facts = await self._facts()
            self._slot.facts = facts
            path = await self._artifact(facts)
            ensemble = await self._artifacts.ensemble(path)
            if ensemble is not None:
                await self._compose(facts, ensemble)
                return
            async with self._admission(facts):
                self._slot.move(ModelState.LOADING, "loading and warming")
                await self._start(facts, path)
        except (LoadFailed, Error) as error:
            self._fail(str(error), error.reason)
        except Exception:  # noqa: BLE001 -- the process must stay up and say that it failed
            _log.exception("loading failed")
            self._fail("internal error while loading", LoadFailed.reason)

    def _fail(self, text: str, reason: str) -> None:
        _log.error("model failed", model=self._slot.assignment.model_name, reason=text)
        self._slot.move(ModelState.FAILED, text, reason)

    async def _facts(self) -> VersionFacts:
        facts = await self._known()
        expected = self._slot.assignment.digest
        if expected and expected != facts.digest:
            raise WrongDigest(f"the registry has the digest {facts.digest}, not {expected}")
        return facts

    async def _known(self) -> VersionFacts:
        version_id = self._slot.assignment.version_id
        # A runtime that restarts while the control plane is away must come back all the same.
        known = await self._artifacts.recall(version_id)
        if known is not None and known.team == self._slot.assignment.team:
            return known
        return await self._patiently("the registry", lambda: self._registry.version(version_id))

    async def _artifact(self, facts: VersionFacts) -> Path:
        path = await self._artifacts.find(facts.digest)
        if path is None:
            path = await self._patiently("the artifact", lambda: self._download(facts))
        await self._artifacts.remember(facts)
        return path

    async def _download(self, facts: VersionFacts) -> Path:
        for attempt in range(1, _DOWNLOADS + 1):
            try:
                return await self._artifacts.fetch(facts, lambda: self._registry.download_url(facts.version_id))
            except WrongDigest:
                # A connection cut short looks the same as a wrong object; only the second time decides.
                if attempt == _DOWNLOADS:
                    raise
        raise AssertionError("unreachable")

    async def _patiently(self, what: str, call: Callable[[], Awaitable[T]]) -> T:
        delay = self._patience.first
        while True:
            try:
                return await call()
            except Error as error:
                if error.kind not in _PASSING:
                    raise
                _log.warning("waiting", what=what, kind=error.kind.value, reason=error.message)
                self._slot.move(ModelState.DOWNLOADING, f"waiting for {what}: {error.kind}")
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311 -- not for secrets
            delay = min(delay * 2, self._patience.longest)

    async def _compose(self, facts: VersionFacts, ensemble: Ensemble) -> None:
        """An ensemble, without a turn among the loads: its members have theirs."""
        self._slot.move(ModelState.LOADING, f"waiting for its {len(ensemble.steps)} steps")
        signatures = await self._members.up(ensemble.steps)
        try:
            signature = derive(ensemble, signatures)
            samples = () if ensemble.warm_up is None else samples_of(ensemble.warm_up, signature.inputs)
        except InvalidArgument as error:
            raise LoadFailed(f"its steps do not fit: {error.message}") from None
        plan = Plan(ensemble, self._members, self._clock, self._took)
        for tensors in samples:
            try:
                await plan(tensors, deadline=math.inf)
            except Error as error:
                raise WarmUpFailed(f"a sample of it fails: {error.message}") from error
        schema = Schema(signature.inputs, signature.outputs)
        self._slot.ready(Loaded(facts, schema, False, self._clock.now(), facts.size_bytes + _BESIDE, plan), "")
        _log.info("ensemble ready", model=self._slot.assignment.model_name, version=facts.version)

    async def _start(self, facts: VersionFacts, path: Path) -> None:
        before = self._resident()
        warmed = await asyncio.to_thread(_load, self._engine, path, self._clock)
        model, shares = warmed.model, warmed.shares
        memory = max(self._resident() - before, facts.size_bytes + _BESIDE)
        self._runner.start(model, shares=shares, seconds=warmed.seconds)
        self._slot.ready(Loaded(facts, model.schema, shares, self._clock.now(), memory), "; ".join(warmed.notes))
        _log.info("model ready", model=self._slot.assignment.model_name, version=facts.version, shares_runs=shares)


class _Warmed(NamedTuple):
    """shares: whether its requests may share a run. seconds: of a run of one row; infinite when unknown.
    notes: what people should know.
    """

    model: Model
    shares: bool
    seconds: float
    notes: Sequence[str]


def _load(engine: Engine, path: Path, clock: Clock) -> _Warmed:
    """With one thread first: waking others costs a small model more than they save it."""
    warmed = _warmed(engine, path, clock, wide=False)
    if warmed.model.widens and warmed.seconds > _LONG:
        # Not both in memory.
        del warmed
        warmed = _warmed(engine, path, clock, wide=True)
    return warmed


def _warmed(engine: Engine, path: Path, clock: Clock, *, wide: bool) -> _Warmed:
    model = engine.load(path, wide=wide)
    notes = []
    if model.schema.left_out:
        notes.append(f"only tensors are served; left out: {', '.join(model.schema.left_out)}")
    samples = [_arrays(tensors) for tensors in engine.samples(path, model.schema)]
    _try(model, samples)
    warmed = _warm(model, needed=not samples)
    # The graph decides; the run after it would only show that it was read wrongly.
    shares = warmed and model.schema.has_row_axis and model.row_wise and _has_independent_rows(model)
    if not warmed and not samples:
        notes.append("not warmed: its inputs cannot be guessed; register samples with it")
    if not shares:
        notes.append("requests run one by one")
    asked = sample(model.schema, [0]) if warmed else next(iter(samples), None)
    return _Warmed(model, shares, _seconds(model, asked, clock) if asked is not None else math.inf, notes)


def _try(model: Model, samples: Sequence[Mapping[str, Array]]) -> None:
    for place, inputs in enumerate(samples):
        try:
            model.run(inputs)
        except Error as error:
            raise WarmUpFailed(f"the model does not compute its sample {place}: {error.message}") from error


def _warm(model: Model, *, needed: bool) -> bool:
    """Whether it computes what is made up. needed: it has no samples, and must when all it takes is numbers."""
    try:
        model.run(sample(model.schema, [0]))
    except Error as error:
        if needed and is_typical(model.schema):
            raise LoadFailed(f"the model loads but does not run: {error.message}") from error
        return False
    return True


def _seconds(model: Model, inputs: Mapping[str, Array], clock: Clock) -> float:
    """The shortest of some runs: what disturbs one makes it longer and never shorter."""
    shortest = math.inf
    for _ in range(_MEASURED):
        start = clock.monotonic()
        model.run(inputs)
        shortest = min(shortest, clock.monotonic() - start)
    return shortest


def _arrays(tensors: Mapping[str, Tensor]) -> Mapping[str, Array]:
    return {name: decode(tensor, name) for name, tensor in tensors.items()}


def _has_independent_rows(model: Model) -> bool:
    values = [0, 1, 2]
    try:
        alone = [model.run(sample(model.schema, [value])) for value in values]
        return same_rows(alone, model.run(sample(model.schema, values)))
    except Error:
        return False
