"""Sets of files: the platform remembers which objects were applied from which of them."""

from collections.abc import Sequence
from typing import Any

from forgepoint.auth.v1 import declarations_pb2 as pb
from forgepoint.auth.v1 import declarations_pb2_grpc
from fp_kernel import FailedPrecondition

from fp_cli.client import EVERYTHING, Client, idempotency_key
from fp_cli.declared.applying import FAILED, PRUNED, Going, Outcome, Wanted, apply, going, prune
from fp_cli.declared.kinds import KINDS

Key = tuple[str, str]
# As many as the platform records in one call.
_AT_ONCE = 500


class Kept:
    """What the team keeps in files, seen from one set of them. A set without a name keeps nothing."""

    def __init__(self, client: Client, name: str) -> None:
        self._client = client
        self._name = name
        self._sets: dict[Key, str] = {}
        if name:
            found = client.pages(self._stub.ListDeclaredObjects, pb.ListDeclaredObjectsRequest(), "objects", EVERYTHING)
            self._sets = {(each.kind, each.name): each.set for each in found}

    def no_longer(self, objects: Sequence[Wanted]) -> list[Going]:
        """What was applied from this set and is in it no more, as it is now; what only a later `fp` knows stays."""
        wanted = {(each.kind.name, each.name) for each in objects}
        own = (key for key, owner in self._sets.items() if owner == self._name and key[0] in KINDS)
        return [
            going(self._client, KINDS[kind], name) for kind, name in sorted(key for key in own if key not in wanted)
        ]

    def apply(self, objects: Sequence[Wanted], goes: Sequence[Going], *, dry_run: bool) -> list[Outcome]:
        """Apply what is this set's and delete what goes, unless something failed: it may be what is renamed."""
        outcomes = [self._foreign(each) for each in objects if self._is_foreign(each)]
        outcomes += apply(self._client, [each for each in objects if not self._is_foreign(each)], dry_run=dry_run)
        done = [(each.kind, each.name) for each in outcomes if each.outcome != FAILED]
        if len(done) < len(outcomes):
            goes = ()
        if dry_run:
            return outcomes + [each.outcome() for each in goes]
        self._record(applied=[key for key in done if self._sets.get(key) != self._name])
        if goes:
            pruned = list(prune(self._client, goes))
            # What nobody can delete would fail each time.
            gone = [each for each in pruned if each.outcome == PRUNED or not KINDS[each.kind].deletable]
            self._record(removed=[(each.kind, each.name) for each in gone])
            outcomes += pruned
        return outcomes

    def _is_foreign(self, each: Wanted) -> bool:
        return self._sets.get((each.kind.name, each.name), self._name) != self._name

    def _foreign(self, each: Wanted) -> Outcome:
        owner = self._sets[each.kind.name, each.name]
        step = {
            "next_step": f"take it out of one of the two, or apply this one without --set: {owner} goes on to keep it"
        }
        return Outcome(
            each.kind.name, each.name, FAILED, error=FailedPrecondition(f"belongs to the set {owner}", metadata=step)
        )

    def _record(self, applied: Sequence[Key] = (), removed: Sequence[Key] = ()) -> None:
        if not self._name:
            return
        for start in range(0, max(len(applied), len(removed)), _AT_ONCE):
            request = pb.RecordDeclaredObjectsRequest(set=self._name, idempotency_key=idempotency_key(""))
            for kind, name in applied[start : start + _AT_ONCE]:
                request.applied.add(kind=kind, name=name)
            for kind, name in removed[start : start + _AT_ONCE]:
                request.removed.add(kind=kind, name=name)
            self._client.call(self._stub.RecordDeclaredObjects, request)

    @property
    def _stub(self) -> Any:
        return declarations_pb2_grpc.DeclarationServiceStub(self._client.channel)
