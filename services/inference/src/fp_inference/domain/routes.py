"""Which versions of a model answer, and with which share: a pure function of deployments and the last split.

Deployments come as events, each with a sequence; the split comes as a command. Weights are never stored beside them but
derived, so that replicas that saw the same facts route the same, in whatever order they saw them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from fp_kernel.signatures import UNDECLARED, Signature

from fp_inference.domain.rules import Rule, Rules, Shadow
from fp_inference.domain.shares import Share, Split
from fp_inference.domain.split import FULL, Lot, lot, scaled

# Removed versions are remembered so that an old event cannot bring one back; the newest are enough.
_TOMBSTONES = 64


class TargetStatus(StrEnum):
    ACTIVE = "ACTIVE"
    DRAINING = "DRAINING"
    REMOVED = "REMOVED"


@dataclass(frozen=True, slots=True)
class Target:
    """One version of a model that was deployed.

    weight_bps: what the deployment said; it counts until a split is set.
    sequence: of the newest event. removed: of the newest event that undeployed the version; 0 when there was none.
    """

    model_id: str
    version_id: str
    version: str
    endpoint: str
    weight_bps: int
    sequence: int
    deployed_at: datetime
    removed: int = 0
    status: TargetStatus = TargetStatus.ACTIVE
    signature: Signature = UNDECLARED
    artifact_digest: str = ""

    def is_over(self, before: datetime) -> bool:
        """Whether it was removed before then. What is left of a removed version has the time of its end."""
        return self.status is TargetStatus.REMOVED and self.deployed_at < before


@dataclass(frozen=True, slots=True)
class Stable:
    """The version that the registry has in PRODUCTION."""

    version_id: str
    version: str
    promoted_at: datetime


@dataclass(frozen=True)
class Route:
    """Targets of one model of one team, by version id."""

    team: str
    model_name: str
    targets: Mapping[str, Target] = field(default_factory=dict)
    split: Split | None = None
    stable: Stable | None = None
    archived_at: datetime | None = None
    restored_at: datetime | None = None
    rules: Rules | None = None
    shadow: Shadow | None = None

    @cached_property
    def present(self) -> tuple[Target, ...]:
        """Those that are not removed, longest deployed first."""
        there = [target for target in self.targets.values() if target.status is not TargetStatus.REMOVED]
        return tuple(sorted(there, key=lambda target: (target.deployed_at, target.version_id)))

    @property
    def revision(self) -> int:
        """The newest of what was set; 0 while nothing was. Deployments leave it as it is."""
        return max((each.revision for each in self._set), default=0)

    @property
    def _set(self) -> "tuple[Split | Rules | Shadow, ...]":
        return tuple(each for each in (self.split, self.rules, self.shadow) if each is not None)

    @property
    def deleted(self) -> bool:
        """Whether someone took the model out of service: nothing is routed until another split is set."""
        return self.split is not None and not self.split.shares

    @cached_property
    def candidates(self) -> tuple[Target, ...]:
        """Those that a split may name."""
        return tuple(target for target in self.present if not self.drains(target))

    def drains(self, target: Target) -> bool:
        """Whether it takes no traffic any more: its model was archived after it was deployed. What is deployed after
        that takes traffic, else a model that comes back could never be asked again.
        """
        archived = self.archived_at is not None and target.deployed_at <= self.archived_at
        return archived or target.status is not TargetStatus.ACTIVE

    @cached_property
    def active(self) -> tuple[Target, ...]:
        """Those that may get traffic."""
        return () if self.deleted else self.candidates

    @cached_property
    def weighted(self) -> tuple[tuple[Target, int], ...]:
        """Active targets with their shares, which sum to 10000; empty without active targets."""
        if not self.active:
            return ()
        return tuple(zip(self.active, self._weights(), strict=True))

    @cached_property
    def lots(self) -> tuple[Lot[Target], ...]:
        """What the targets that get traffic draw with."""
        return tuple(lot(target, target.version_id, weight) for target, weight in self.weighted if weight)

    @cached_property
    def ruled(self) -> "tuple[tuple[Rule, tuple[Lot[Target], ...]], ...]":
        """Rules in their order, with what their versions draw with; without those that have no version left."""
        rules = self.rules.rules if self.rules is not None else ()
        found = ((rule, self._lots(rule.shares)) for rule in rules)
        return tuple(each for each in found if each[1])

    @cached_property
    def shadowed(self) -> tuple[Target, int] | None:
        """The version that gets copies of answered requests, and of how many, in basis points."""
        share = self.shadow.share if self.shadow is not None else None
        lots = self._lots((share,)) if share is not None else ()
        return (lots[0].target, lots[0].weight) if lots else None

    @cached_property
    def updated_at(self) -> datetime | None:
        times = [*(target.deployed_at for target in self.present), *(each.set_at for each in self._set)]
        return max(times, default=None)

    def weight(self, target: Target) -> int:
        return next((weight for other, weight in self.weighted if other.version_id == target.version_id), 0)

    def is_stable(self, target: Target) -> bool:
        return self.stable is not None and self.stable.version_id == target.version_id

    @property
    def names_unknown(self) -> bool:
        """Whether what was set gives a share to a version whose deployment is not known here."""
        return any(share.weight_bps and not self._knows(share) for share in self.named)

    @property
    def named(self) -> tuple[Share, ...]:
        """What was set for versions by name."""
        split = self.split.shares if self.split is not None else ()
        rules = self.rules.shares() if self.rules is not None else ()
        shadow = (self.shadow.share,) if self.shadow is not None and self.shadow.share is not None else ()
        return *split, *rules, *shadow

    def _knows(self, share: Share) -> bool:
        target = self.targets.get(share.version_id)
        return target is not None and target.sequence >= share.since

    @property
    def salt(self) -> str:
        """What subjects are hashed with: what the split says, else the newest version. With one salt for ever
        the same tenth of all users would meet every canary; with the version they stay where they are while its share
        grows.
        """
        if self.split is not None and self.split.salt:
            return self.split.salt
        return self.active[-1].version_id if self.active else ""

    @cached_property
    def canaries(self) -> frozenset[str]:
        """Ids of the versions beside the stable one; none while no version is stable."""
        if self.stable is None:
            return frozenset()
        return frozenset(target.version_id for target in self.present if not self.is_stable(target))

    @property
    def model_id(self) -> str:
        return next((target.model_id for target in self.present), "")

    def find(self, version: str) -> Target | None:
        """The active target of this version label."""
        return next((target for target in self.active if target.version == version), None)

    def deployed(self, target: Target) -> "Route":
        """The same route when it knows something newer of this version."""
        known = self.targets.get(target.version_id)
        if known is None:
            return self._with(target)
        if known.sequence >= target.sequence:
            return self
        return self._with(replace(target, removed=max(known.removed, target.removed)))

    def undeployed(self, target: Target) -> "Route":
        """What is left of the version is a tombstone; an old event only voids the shares from before it."""
        known = self.targets.get(target.version_id)
        if known is not None and known.removed >= target.sequence:
            return self
        if known is None or known.sequence <= target.sequence:
            removed = replace(target, status=TargetStatus.REMOVED, removed=target.sequence, signature=UNDECLARED)
            return self._with(removed)
        return self._with(replace(known, removed=target.sequence))

    def lost(self, version_id: str) -> "Route":
        """Without a version that turned out to be gone without an event: only a newer event brings it back."""
        known = self.targets.get(version_id)
        return self if known is None else self.undeployed(known)

    def promoted(self, stable: Stable) -> "Route":
        """Marks the stable version and moves no traffic."""
        if self.stable is not None and self.stable.promoted_at >= stable.promoted_at:
            return self
        return replace(self, stable=stable)

    def archived(self, at: datetime) -> "Route":
        """The same route when it knows of this archive, of a newer one, or of the model's return after it."""
        known = [each for each in (self.archived_at, self.restored_at) if each is not None]
        return self if any(each >= at for each in known) else replace(self, archived_at=at)

    def restored(self, at: datetime) -> "Route":
        """Without the archive from before it; it stays known, since events may be delivered again."""
        if self.restored_at is not None and self.restored_at >= at:
            return self
        ended = self.archived_at is not None and self.archived_at <= at
        return replace(self, restored_at=at, archived_at=None if ended else self.archived_at)

    def with_split(self, split: Split) -> "Route":
        if self.split is not None and self.split.revision >= split.revision:
            return self
        return replace(self, split=split)

    def with_rules(self, rules: Rules) -> "Route":
        return self if self.rules is not None and self.rules.revision >= rules.revision else replace(self, rules=rules)

    def with_shadow(self, shadow: Shadow) -> "Route":
        newer = self.shadow is not None and self.shadow.revision >= shadow.revision
        return self if newer else replace(self, shadow=shadow)

    def since(self, before: datetime) -> "Route | None":
        """Without what is over and older: removed versions; what was set and marked of a model without a version.

        None when nothing is left.
        """
        targets = {key: target for key, target in self.targets.items() if not target.is_over(before)}
        if self.present:
            return self if len(targets) == len(self.targets) else replace(self, targets=targets)
        split = self.split if self.split is not None and self.split.set_at >= before else None
        rules = self.rules if self.rules is not None and self.rules.set_at >= before else None
        shadow = self.shadow if self.shadow is not None and self.shadow.set_at >= before else None
        stable = self.stable if self.stable is not None and self.stable.promoted_at >= before else None
        archived = self.archived_at if self.archived_at is not None and self.archived_at >= before else None
        restored = self.restored_at if self.restored_at is not None and self.restored_at >= before else None
        if not (targets or split or rules or shadow or stable or archived or restored):
            return None
        left = replace(self, targets=targets, split=split, rules=rules, shadow=shadow)
        return replace(left, stable=stable, archived_at=archived, restored_at=restored)

    def _with(self, target: Target) -> "Route":
        targets = {**self.targets, target.version_id: target}
        removed = [key for key, other in targets.items() if other.status is TargetStatus.REMOVED]
        removed.sort(key=lambda key: targets[key].sequence)
        for key in removed[: max(0, len(removed) - _TOMBSTONES)]:
            del targets[key]
        return replace(self, targets=targets)

    def _lots(self, shares: Iterable[Share]) -> tuple[Lot[Target], ...]:
        """Of the active targets that these shares give traffic to."""
        given = {share.version_id: share for share in shares}
        granted = ((target, _granted(target, given.get(target.version_id))) for target in self.active)
        return tuple(lot(target, target.version_id, weight) for target, weight in granted if weight)

    def _weights(self) -> list[int]:
        shares = {share.version_id: share for share in self.split.shares} if self.split else {}
        weights = [_granted(target, shares.get(target.version_id)) for target in self.active]
        if not any(weights):
            weights = [target.weight_bps for target in self.active]
        if not any(weights):
            # Every version with a share is gone: the stable one, else the one that has proven itself longest.
            chosen = next((target for target in self.active if self.is_stable(target)), self.active[0])
            return [FULL if target is chosen else 0 for target in self.active]
        return scaled(weights)


def _granted(target: Target, share: Share | None) -> int:
    return share.weight_bps if share is not None and share.since > target.removed else 0
