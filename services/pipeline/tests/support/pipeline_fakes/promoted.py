"""A service of the unit tests after promotions, and what may become of them."""

from datetime import timedelta

from fp_pipeline.app.promotions import RollBackPromotion, WatchPromotions
from fp_pipeline.app.undeploy_archived import UndeployArchived
from fp_pipeline.domain.definition import StepType
from fp_pipeline.domain.statistics import Try
from fp_testkit.clock import ManualClock


class Promotions:
    """A service whose version 2 was promoted over version 1 and is watched."""

    def __init__(self, service):
        self.service = service
        self.clock = ManualClock(service.clock.now())
        self.ends = []
        peers, stores = service.peers, service.stores
        self.roll_back = RollBackPromotion(
            stores.transactions, peers.traffic, peers.registry, self.clock, drain=0.0, ended=self.ends.append
        )
        self.watch = WatchPromotions(
            transactions=stores.transactions,
            promotions=stores.promotions,
            statistics=stores.statistics,
            traffic=peers.traffic,
            roll_back=self.roll_back,
            clock=self.clock,
            drain=0.0,
            every=1.0,
            ended=self.ends.append,
        )

    async def promoted(self, *versions, **config):
        for version in versions:
            self.service.world.add_version("delays", version)
            promote = self.service.step("promote", StepType.PROMOTE, config=config)
            ended = await self.service.deploy(version, *self.service.saga[:-1], promote)
            assert ended.error == ""
        found = await self.found()
        if found is not None:
            self.clock.set_wall(found.promoted_at)
        return found

    async def found(self):
        return await self.service.stores.promotions.find("alpha", "delays")

    async def ask(self, reason="worse"):
        return await self.roll_back(self.service.ann, "delays", reason, self.service.command())

    async def archive(self, model_id="model-delays", ago=0.0):
        undeploy = UndeployArchived(self.service.stores.transactions, self.clock, drain=0.0)
        at = self.clock.now() - timedelta(seconds=ago)
        await undeploy("alpha", model_id, "delays", at, "ann")

    async def served(self, version, outcome, count, latency_ms=1.0, ago=0.0):
        at = self.clock.now() - timedelta(seconds=ago)
        tries = [
            Try(f"{version}-{outcome}-{latency_ms}-{ago}-{n}", "alpha", "delays", version, at, outcome, latency_ms)
            for n in range(count)
        ]
        async with self.service.stores.transactions() as tx:
            await tx.statistics.count("c", tries)

    @property
    def split(self):
        return self.service.world["splits"]["delays"]
