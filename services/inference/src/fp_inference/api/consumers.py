"""Consumers of events; every replica gets all of them."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

from forgepoint.events.v1 import events_pb2 as pb
from fp_events import Broadcast, Bus, Event
from fp_kernel import Error
from fp_rpc.signatures import signature_from_pb

from fp_inference.app.follow_deployments import FollowDeployments
from fp_inference.app.ports import Deployment
from fp_inference.app.quotas import Quotas
from fp_inference.domain.routes import Stable, Target, TargetStatus

DEPLOYED = "fp.pipelines.model.deployed"
UNDEPLOYED = "fp.pipelines.model.undeployed"
PROMOTED = "fp.models.promoted"
ARCHIVED = "fp.models.archived"
RESTORED = "fp.models.restored"
EXCEEDED = "fp.billing.quota.exceeded"

DEPLOYMENTS = Broadcast("inference-routes", ("fp.pipelines.model.>",), deliver="all")
MARKS = Broadcast("inference-marks", (PROMOTED, ARCHIVED, RESTORED), deliver="all")
QUOTAS = Broadcast("inference-quotas", (EXCEEDED,), deliver="all")

# What predictions use up; the quotas of other meters are no business of theirs.
_METERS: Mapping[int, str] = {
    pb.METER_TYPE_INFERENCE_REQUEST: "INFERENCE_REQUEST",
    pb.METER_TYPE_INFERENCE_TOKENS: "INFERENCE_TOKENS",
}


class DeploymentEvents:
    """fp.pipelines.model.deployed, .undeployed -> targets.

    The pipeline knows more than what the stream has from before the start: once all of that is here, the pipeline is
    asked. Only while that is away the old events count, folded to the newest of each version, so that routes of long
    ago do not come alive for the moment of the replay.
    """

    def __init__(self, follow: FollowDeployments) -> None:
        self._follow = follow
        self._newest: dict[tuple[str, str], Event] = {}
        self._caught_up = asyncio.Event()

    async def run(self, bus: Bus, settle: Callable[[], None]) -> None:
        """settle: called once the routes are as the events say. Ends only by an error."""
        self._newest.clear()
        self._caught_up.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(bus.broadcast(DEPLOYMENTS, self.handle, caught_up=self._caught_up))
            group.create_task(self._apply_newest(settle))

    async def handle(self, event: Event) -> None:
        if self._caught_up.is_set():
            await self._apply(event)
            return
        key = (event.team, event.payload.version_id)  # type: ignore[attr-defined]
        known = self._newest.get(key)
        if known is None or known.sequence < event.sequence:
            self._newest[key] = event

    async def _apply_newest(self, settle: Callable[[], None]) -> None:
        await self._caught_up.wait()
        newest, self._newest = self._newest, {}
        try:
            await self._follow.reconcile()
        except Error:
            for event in newest.values():
                await self._apply(event)
            settle()

    async def _apply(self, event: Event) -> None:
        if event.type == DEPLOYED:
            await self._follow.deployed(_deployed(event))
        elif event.type == UNDEPLOYED:
            await self._follow.undeployed(_undeployed(event))


class MarkEvents:
    """fp.models.promoted -> the stable mark; fp.models.archived -> no traffic any more, until fp.models.restored."""

    def __init__(self, follow: FollowDeployments) -> None:
        self._follow = follow

    async def run(self, bus: Bus) -> None:
        await bus.broadcast(MARKS, self.handle)

    async def handle(self, event: Event) -> None:
        payload: Any = event.payload
        if event.type == ARCHIVED:
            await self._follow.archived(event.team, payload.model_name, payload.archived_at.ToDatetime(UTC))
        elif event.type == RESTORED:
            await self._follow.restored(event.team, payload.model_name, payload.restored_at.ToDatetime(UTC))
        elif payload.to_stage == pb.MODEL_STAGE_PRODUCTION:
            stable = Stable(payload.version_id, payload.version, payload.promoted_at.ToDatetime(UTC))
            await self._follow.promoted(event.team, payload.model_name, stable)


class QuotaEvents:
    """fp.billing.quota.exceeded -> the team predicts no more in the month of the usage that crossed the quota."""

    def __init__(self, quotas: Quotas) -> None:
        self._quotas = quotas

    async def run(self, bus: Bus) -> None:
        await bus.broadcast(QUOTAS, self.handle)

    async def handle(self, event: Event) -> None:
        payload: Any = event.payload
        meter = _METERS.get(payload.meter_type)
        if meter is not None:
            used_at = payload.occurred_at.ToDatetime(UTC)
            self._quotas.exceeded(event.team, meter, sequence=event.sequence, used_at=used_at, published_at=event.time)


def _deployed(event: Event) -> Deployment:
    payload: Any = event.payload
    target = Target(
        model_id=payload.model_id,
        version_id=payload.version_id,
        version=payload.version,
        endpoint=payload.endpoint,
        weight_bps=payload.weight_bps,
        sequence=event.sequence,
        deployed_at=payload.deployed_at.ToDatetime(UTC),
        signature=signature_from_pb(payload.signature),
        artifact_digest=payload.artifact_digest,
    )
    return Deployment(event.team, payload.model_name, target)


def _undeployed(event: Event) -> Deployment:
    payload: Any = event.payload
    target = Target(
        model_id=payload.model_id,
        version_id=payload.version_id,
        version=payload.version,
        endpoint="",
        weight_bps=0,
        sequence=event.sequence,
        deployed_at=payload.undeployed_at.ToDatetime(UTC),
        status=TargetStatus.REMOVED,
    )
    return Deployment(event.team, payload.model_name, target)
