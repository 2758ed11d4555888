"""Record and list what a team applied from files."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from fp_kernel import (
    Clock,
    Command,
    FailedPrecondition,
    Page,
    PageRequest,
    Principal,
    ResourceExhausted,
    invalid,
    next_token,
    page_request,
)

from fp_auth.domain.declarations import MAX_OBJECTS, MAX_RECORDED, DeclaredObject, Reference


class DeclaredObjects(Protocol):
    async def owners(self, team: str, references: Sequence[Reference]) -> Sequence[DeclaredObject]:
        """What is recorded of these, which nobody else changes until the transaction ends."""
        ...

    async def count(self, team: str) -> int: ...

    async def save(self, team: str, objects: Sequence[DeclaredObject]) -> None: ...

    async def remove(self, team: str, set_name: str, references: Sequence[Reference]) -> None: ...

    async def page(self, team: str, set_name: str, page: PageRequest) -> Sequence[DeclaredObject]:
        """One more than the page has. set_name: empty is every one."""
        ...


class DeclarationTransaction(Protocol):
    @property
    def declared_objects(self) -> DeclaredObjects: ...

    async def exclusive(self, name: str) -> None: ...

    async def complete(self, result: Any) -> None: ...


class DeclarationTransactions(Protocol):
    def __call__(self, command: Command | None = None) -> AbstractAsyncContextManager[DeclarationTransaction]: ...


class RecordDeclaredObjects:
    def __init__(self, transactions: DeclarationTransactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def __call__(
        self,
        caller: Principal,
        set_name: str,
        *,
        applied: Sequence[Reference],
        removed: Sequence[Reference],
        command: Command,
    ) -> None:
        """Raises InvalidArgument, FailedPrecondition for an object of another set, ResourceExhausted."""
        if len(applied) + len(removed) > MAX_RECORDED:
            raise invalid("applied", f"at most {MAX_RECORDED} objects at a time")
        now = self._clock.now()
        async with self._transactions(command) as tx:
            # Two sets that declare the same object must not both find it free.
            await tx.exclusive(f"declarations:{caller.team}")
            owners = await tx.declared_objects.owners(caller.team, applied)
            for owner in owners:
                if owner.set_name != set_name:
                    raise _of_another_set(owner)
            fresh = len(set(applied)) - len(owners)
            if fresh and await tx.declared_objects.count(caller.team) + fresh > MAX_OBJECTS:
                raise ResourceExhausted(
                    f"a team keeps at most {MAX_OBJECTS} objects in files", reason="TOO_MANY_OBJECTS"
                )
            objects = [DeclaredObject(each, set_name, caller.user_id, now) for each in dict.fromkeys(applied)]
            await tx.declared_objects.save(caller.team, objects)
            await tx.declared_objects.remove(caller.team, set_name, removed)
            await tx.complete(None)


class ListDeclaredObjects:
    def __init__(self, objects: DeclaredObjects) -> None:
        self._objects = objects

    async def __call__(self, team: str, set_name: str, *, page_size: int, page_token: str) -> Page[DeclaredObject]:
        scope = (team, "declared", set_name)
        request = page_request(page_size, page_token, scope=scope)
        if request.after is not None and len(request.after) != 2:  # noqa: PLR2004 -- kind and name
            raise invalid("pagination.page_token", "is not one of this list")
        rows = await self._objects.page(team, set_name, request)
        shown = tuple(rows[: request.size])
        if len(rows) <= request.size:
            return Page(shown, "")
        last = shown[-1].reference
        return Page(shown, next_token((last.kind, last.name), scope=scope))


def _of_another_set(owner: DeclaredObject) -> FailedPrecondition:
    reference = owner.reference
    return FailedPrecondition(
        f"{reference.kind} {reference.name} belongs to the set {owner.set_name}", reason="OF_ANOTHER_SET"
    )
