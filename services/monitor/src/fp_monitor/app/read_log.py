"""What is in the prediction log."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from heapq import merge as merged
from typing import Protocol

from fp_kernel import Clock, Page, PageRequest, invalid, next_token, page_request
from fp_kernel.times import at_microseconds, microseconds

from fp_monitor.app.log_files import Unreadable, content_of
from fp_monitor.app.log_ports import LogStores, Stored
from fp_monitor.app.refusals import no_log, no_prediction
from fp_monitor.domain.entities import concerns
from fp_monitor.domain.id_filter import marks
from fp_monitor.domain.log import DamagedFile, LogFile, Logged, Policy, answered_within

# Files that one answer reads: a rare version among many may take several.
FILES = 32
# Bytes of files in memory, for the pages that follow.
_CACHE = 32 * 1024 * 1024
_EXPORTED = 2_000
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Chosen:
    """since, until: of answers; until is not part of it. version, request_id: empty for all."""

    team: str
    model_name: str
    version: str = ""
    since: datetime | None = None
    until: datetime | None = None
    request_id: str = ""


Place = tuple[datetime, str]


class Read(Protocol):
    def __call__(
        self, content: bytes, *, since: datetime | None, before: Place, version: str, request_id: str, limit: int
    ) -> list[Logged]: ...


class ReadLog:
    """Newest first, with labels. Erased predictions are in no answer, wherever they are stored yet."""

    def __init__(self, stores: LogStores, read: Read, clock: Clock, unreadable: Unreadable) -> None:
        self._unreadable = unreadable
        self._reads = stores.reads
        self._entities = stores.entities
        self._objects = stores.objects
        self._read = read
        self._clock = clock
        self._cache: OrderedDict[str, bytes] = OrderedDict()

    async def policy(self, team: str, model_name: str) -> tuple[Policy, Stored]:
        """Raises NotFound."""
        found = await self._reads.policy(team, model_name)
        if found is None:
            raise no_log(model_name)
        return found, await self._reads.stored(team, model_name)

    async def policies(self, team: str, size: int, token: str) -> Page[Policy]:
        scope = (team, "prediction-logs")
        page = page_request(size, token, scope=scope)
        found = await self._reads.policies(team, PageRequest(page.size + 1, _parts(page, 1)))
        return _page(found, page.size, scope, 1)

    async def logged(self, size: int, token: str) -> Page[Policy]:
        """Of all teams."""
        scope = ("", "logged-models")
        page = page_request(size, token, scope=scope, cap=1_000)
        found = await self._reads.logged(PageRequest(page.size + 1, _parts(page, 2)))
        return _page(found, page.size, scope, 2)

    async def predictions(self, chosen: Chosen, size: int, token: str) -> Page[Logged]:
        """A page may have fewer than were asked for, or none, and one that follows."""
        limits = [each.isoformat() if each else "" for each in (chosen.since, chosen.until)]
        scope = (chosen.team, "predictions", chosen.model_name, chosen.version, *limits)
        page = page_request(size, token, scope=scope)
        found, following = await self.page(chosen, _place(page), page.size)
        if following is None:
            return Page(tuple(found))
        at, name = following
        return Page(tuple(found), next_token((str(microseconds(at)), name), scope=scope))

    async def prediction(self, team: str, model_name: str, request_id: str) -> Logged:
        """Raises NotFound. Of files that may have it; that is one, but seldom more."""
        latest = self._clock.now() + timedelta(days=1)
        since, until = answered_within(request_id) or (None, latest)
        chosen = Chosen(team, model_name, since=since, until=until, request_id=request_id)
        after, wanted = None, marks(request_id)
        while files := await self._reads.having(
            team, model_name, wanted, since=since, until=until, after=after, limit=FILES
        ):
            for each in files:
                if found := await self._shown(chosen, await self._newest(each, chosen, (latest, ""), 1)):
                    return found[0]
            after = files[-1]
        raise no_prediction(request_id)

    async def exported(self, chosen: Chosen) -> AsyncIterator[Sequence[Logged]]:
        """Some thousands at a time."""
        place: Place | None = None
        while True:
            found, place = await self.page(chosen, place, _EXPORTED)
            if found:
                yield found
            if place is None:
                return

    async def page(self, chosen: Chosen, before: Place | None, size: int) -> tuple[Sequence[Logged], Place | None]:
        """The newest ones before that place, and the place behind the last of them; None when there are no more."""
        before = before or (chosen.until or self._clock.now() + timedelta(days=1), "")
        found: list[Logged] = []
        number = 0
        async for file, rest in self._files(chosen, before[0]):
            found = _distinct(found, await self._newest(file, chosen, before, size + 1))[: size + 1]
            number += 1
            # What files behind this one have is no newer than their last.
            sure = [each for each in found if rest is None or each.answered_at > rest]
            if len(sure) > size:
                return await self._shown(chosen, sure[:size]), _key(sure[size - 1])
            if rest is not None and number >= FILES and rest + _TICK < before[0]:
                return await self._shown(chosen, sure), (rest + _TICK, "")
        return await self._shown(chosen, found), None

    async def _files(self, chosen: Chosen, until: datetime) -> AsyncIterator[tuple[LogFile, datetime | None]]:
        """Each with the last answer of the one that follows; None behind the last."""
        before: LogFile | None = None
        while files := await self._reads.files(
            chosen.team, chosen.model_name, since=chosen.since, until=until, after=before, limit=FILES
        ):
            for each in files:
                if before is not None:
                    yield before, each.last_at
                before = each
        if before is not None:
            yield before, None

    async def _newest(self, file: LogFile, chosen: Chosen, before: Place, limit: int) -> Sequence[Logged]:
        """None of a file that is lost or damaged: the others are there yet."""
        content = await self._content(file)
        if content is None:
            return ()
        try:
            return await asyncio.to_thread(
                self._read,
                content,
                since=chosen.since,
                before=before,
                version=chosen.version,
                request_id=chosen.request_id,
                limit=limit,
            )
        except DamagedFile:
            self._unreadable(file)
            return ()

    async def _shown(self, chosen: Chosen, found: Sequence[Logged]) -> Sequence[Logged]:
        if not found:
            return found
        erased = await self._reads.erased(chosen.team, chosen.model_name, [each.request_id for each in found])
        gone = (await self._entities.of([(chosen.team, chosen.model_name)])).get((chosen.team, chosen.model_name), ())
        left = [
            each
            for each in found
            if each.request_id not in erased and not (gone and concerns(each.inputs, each.masked, gone))
        ]
        bare = [each.request_id for each in left if each.label is None]
        labels = await self._reads.labels(chosen.team, chosen.model_name, bare) if bare else {}
        return [replace(each, label=each.label or labels.get(each.request_id)) for each in left]

    async def _content(self, file: LogFile) -> bytes | None:
        """None for one that was merged or dropped since it was listed."""
        known = self._cache.get(file.name)
        if known is not None:
            self._cache.move_to_end(file.name)
            return known
        content = await content_of(self._objects, file)
        if content is not None:
            self._cache[file.name] = content
            while len(self._cache) > 1 and sum(map(len, self._cache.values())) > _CACHE:
                self._cache.popitem(last=False)
        return content


def _key(prediction: Logged) -> Place:
    return prediction.answered_at, prediction.request_id


def _distinct(found: Sequence[Logged], newer: Sequence[Logged]) -> list[Logged]:
    """Both in one order; a prediction that came in two events is there once."""
    result: list[Logged] = []
    for each in merged(found, newer, key=_key, reverse=True):
        if not result or _key(result[-1]) != _key(each):
            result.append(each)
    return result


def _place(page: PageRequest) -> Place | None:
    if page.after is None:
        return None
    at, name = _parts(page, 2) or ("", "")
    try:
        return at_microseconds(int(at)).astimezone(UTC), name
    except (ValueError, OverflowError):
        raise invalid("pagination.page_token", "is not a token of this list") from None


def _parts(page: PageRequest, count: int) -> tuple[str, ...] | None:
    """Tokens are not signed: a position of another shape is refused here and not by the store."""
    if page.after is not None and len(page.after) != count:
        raise invalid("pagination.page_token", "is not a token of this list")
    return page.after


def _page(found: Sequence[Policy], size: int, scope: Sequence[str], parts: int) -> Page[Policy]:
    items = tuple(found[:size])
    if len(found) <= size:
        return Page(items)
    return Page(items, next_token((items[-1].team, items[-1].model_name)[-parts:], scope=scope))
