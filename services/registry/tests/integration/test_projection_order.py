"""Projectors that work at the same time, in any interleaving, with events that come late or twice."""

import asyncio

import redis
from fp_kernel import PageRequest
from fp_redis import RedisClient
from fp_registry.adapters.projection.generations import RedisGenerations
from fp_registry.adapters.projection.reads import RedisProjection
from fp_registry.api.read_model import MessageDocuments, read_model
from fp_registry.app.read_ports import ModelFilter, ModelRef
from fp_registry.app.rebuild import Rebuild
from fp_registry.domain.stages import Stage
from fp_testkit.examples import examples
from fp_testkit.patience import PATIENCE
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

PROJECTORS = 2
EVERYTHING = PageRequest(1_000)
# Each step is a change of the model, or one of the steps of one of the projectors. Reading comes with its base or after
# others have moved on from it.
each = st.integers(0, PROJECTORS - 1)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 1_000)),
        st.tuples(st.just("read"), each),
        st.tuples(st.just("apply"), each),
        st.tuples(st.just("base"), each),
        st.tuples(st.just("snapshot"), each),
    ),
    min_size=8,
    max_size=40,
)


# Two read, the later one applies first; a version leaves a list while an older reader still has it in.
LATE = [("change", 0), ("read", 0), ("change", 0), ("read", 1), ("apply", 1), ("apply", 0)]
MOVES = [step for choice in (0, 2, 4, 1, 2) for step in (("change", choice), ("read", 0), ("apply", 0))]


class Race:
    """Projectors taken apart into their steps, so that a test decides how they interleave."""

    def __init__(self, world, generations, projection):
        self.world, self.generations, self.projection = world, generations, projection
        self.model = world.register()
        self.bases = [0] * PROJECTORS
        self.snapshots = [None] * PROJECTORS
        self.history = {}
        self.current = ""

    async def run(self, moves):
        await Rebuild(self.world.changes, self.generations)()
        self.current = (await self.generations.state()).current
        await self._remember()
        seen = 0
        for kind, number in moves:
            await self._step(kind, number)
            revision = await self.projection.revision("alpha", self.model.id)
            assert revision >= seen
            assert await self._visible(self.projection) == self.history[revision]
            seen = revision
        await self.world.projector(self.generations)("alpha", self.model.id)
        assert await self._visible(self.projection) == await self._visible(self.world.source)

    async def _step(self, kind, number):
        if kind == "change":
            self.world.change_somehow(self.model, number)
            await self._remember()
        if kind in ("base", "read"):
            self.bases[number] = await self.generations.revision_in(self.current, "alpha", self.model.id)
        if kind in ("snapshot", "read"):
            after = self.bases[number]
            self.snapshots[number] = (after, await self.world.changes.after("alpha", self.model.id, after))
        if kind == "apply" and self.snapshots[number] is not None:
            base, snapshot = self.snapshots[number]
            await self.generations.apply(self.current, base, [snapshot])

    async def _remember(self):
        self.history[self.world.state.models[self.model.id].revision] = await self._visible(self.world.source)

    async def _visible(self, store):
        model = read_model(await store.model("alpha", ModelRef(id=self.model.id)))
        tier = ModelFilter(tag=("tier", model.tags["tier"])) if model.tags else ModelFilter()
        lists = [await store.versions("alpha", self.model.id, stage, EVERYTHING) for stage in (None, *Stage)]
        return [
            model.SerializeToString(deterministic=True),
            (await store.models("alpha", tier, EVERYTHING)).documents,
            *(found.documents for found in lists),
        ]


@settings(
    max_examples=examples(15),
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(LATE)
@example(MOVES)
@given(steps)
def test_readers_see_the_revisions_in_order_and_whole(new_world, redis_url, redis_look_url, clock, moves):
    async def run():
        with redis.Redis.from_url(redis_look_url) as looker:
            looker.flushall()
        link = RedisClient.open(redis_url, clock, store="the projection", timeout=PATIENCE)
        try:
            await Race(new_world(), RedisGenerations(link, MessageDocuments()), RedisProjection(link)).run(moves)
        finally:
            await link.close()

    asyncio.run(run())
