"""The online view: reads and updates."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

from fp_kernel import Aborted
from fp_redis import RedisClient

from fp_featurestore.adapters.online import keys
from fp_featurestore.adapters.online.scripts import APPLY, OPEN, SWITCH
from fp_featurestore.adapters.online.sweeping import sweep
from fp_featurestore.app.ports import LogPart, OnlineState
from fp_featurestore.domain.online import OnlineValue, decode, encode
from fp_featurestore.domain.rows import Row
from fp_featurestore.domain.view import View, ViewHead

_LEASE_MS = 120_000
# Rows of one step of the store; others wait meanwhile.
_STEP = 1_000
_SWITCHES = 3
_REMEMBERED = 10_000


class RedisOnline:
    """`app.ports.Online`. reads: a link with a short time-out; writes: one with a longer."""

    def __init__(self, reads: RedisClient, writes: RedisClient) -> None:
        self._reads = reads
        self._writes = writes
        self._seen: OrderedDict[str, str] = OrderedDict()

    async def read(self, view: View, entity_ids: Sequence[str]) -> Sequence[OnlineValue | None] | None:
        prefix = keys.of_view(view)
        for _ in range(_SWITCHES):
            copy = self._seen.get(prefix, "")
            # The pointer travels in the same command, so that nobody reads a copy after a switch.
            names = [keys.seen(prefix), *(keys.entity(prefix, copy, entity_id) for entity_id in entity_ids)]
            ((seen, *values),) = await self._reads.ask(("MGET", *names))
            if seen is None:
                return None
            if seen.decode() == copy:
                return [None if value is None else decode(value) for value in values]
            self._remember(prefix, seen.decode())
        return None

    async def states(self, views: Sequence[ViewHead]) -> Sequence[OnlineState]:
        prefixes = [keys.of_view(view) for view in views]
        found = await self._writes.ask(*(("GET", keys.seen(prefix)) for prefix in prefixes))
        copies = [copy.decode() if copy else "" for copy in found]
        pairs = zip(prefixes, copies, strict=True)
        versions = await self._writes.ask(*(("GET", keys.cursor(prefix, copy)) for prefix, copy in pairs))
        return [OnlineState(copy, int(version or 0)) for copy, version in zip(copies, versions, strict=True)]

    def fits(self, view: ViewHead, state: OnlineState) -> bool:
        return keys.ttl_of(state.copy) == view.online_ttl

    async def intact(self) -> bool:
        (mark,) = await self._writes.ask(("GET", keys.INTACT))
        return mark is not None

    async def mark_intact(self) -> None:
        await self._writes.ask(("SET", keys.INTACT, "1"))

    async def apply(self, view: View, copy: str, part: LogPart) -> int:
        at = -1
        prefix, last = keys.of_view(view), max(0, len(part.rows) - 1) // _STEP
        for step in range(last + 1):
            rows = part.rows[step * _STEP : (step + 1) * _STEP]
            bounds = (part.first, part.last) if step == last else (0, 0)
            (at,) = await self._writes.run(
                APPLY,
                (
                    (keys.seen(prefix), keys.building(prefix)),
                    (prefix, copy, *bounds, _LEASE_MS, *_arguments(view, rows)),
                ),
            )
        return int(at)

    async def open(self, view: View) -> int:
        prefix = keys.of_view(view)
        (at,) = await self._writes.run(OPEN, ((keys.seen(prefix),), (prefix, keys.new_copy(view))))
        return int(at)

    async def begin(self, view: View) -> str:
        copy, prefix = keys.new_copy(view), keys.of_view(view)
        await self._writes.ask(("SET", keys.building(prefix), copy, "PX", _LEASE_MS))
        return copy

    async def switch(self, view: View, copy: str, through: int, *, force: bool) -> bool:
        prefix = keys.of_view(view)
        (answer,) = await self._writes.run(
            SWITCH, ((keys.seen(prefix), keys.building(prefix)), (prefix, copy, through, int(force)))
        )
        if answer == b"lost":
            raise Aborted("the online store lost the copy that was filled")
        return bool(answer == b"switched")

    async def drop(self, view: View) -> None:
        await self._writes.ask(("DEL", keys.seen(keys.of_view(view))))

    async def sweep(self) -> None:
        await sweep(self._writes)

    def _remember(self, prefix: str, copy: str) -> None:
        self._seen[prefix] = copy
        self._seen.move_to_end(prefix)
        if len(self._seen) > _REMEMBERED:
            self._seen.popitem(last=False)


def _arguments(view: View, rows: Sequence[Row]) -> Iterator[str | bytes | int]:
    for row in rows:
        yield row.entity_id
        yield encode(row)
        yield max(1, (row.event_time + view.online_ttl) // 1_000) if view.online_ttl else 0
