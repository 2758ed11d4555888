"""The projection as readers see it."""

import heapq
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

from fp_kernel import PageRequest
from fp_redis import Command, RedisClient

from fp_registry.adapters.projection import keys
from fp_registry.adapters.projection.keys import TeamKeys
from fp_registry.app.read_ports import Document, ModelFilter, ModelRef, Rows, VersionRef
from fp_registry.domain.stages import Stage

_SWITCHES = 3


class RedisProjection:
    """`app.read_ports.Projection`. None also means that there is no complete generation to read from."""

    def __init__(self, link: RedisClient) -> None:
        self._link = link
        self._generation = ""

    async def revision(self, team: str, model_id: str) -> int:
        found = await self._field(team, keys.revision_field(model_id))
        return int(found or 0)

    async def model(self, team: str, ref: ModelRef) -> Document | None:
        model_id = ref.id or await self._id(team, keys.model_name_field(ref.name))
        return await self._field(team, keys.model_field(model_id)) if model_id else None

    async def version(self, team: str, ref: VersionRef) -> Document | None:
        version_id = ref.id
        if not version_id and ref.name:
            version_id = await self._id(team, keys.version_name_field(ref.model_id, ref.name))
        elif not version_id:
            version_id = await self._newest(team, keys.list_of_versions(ref.model_id, ref.stage))
        return await self._field(team, keys.version_field(version_id)) if version_id else None

    async def models(self, team: str, models: ModelFilter, page: PageRequest) -> Rows | None:
        after = page.after[0] if page.after else ""
        lists = keys.lists_for(models)
        answers = await self._ask(
            team,
            lambda team_keys: [
                ("EXISTS", team_keys.index),
                *(_range(team_keys, name, after, page.size + 1) for name in lists),
            ],
        )
        # Without an index the team has no models, or the store has lost it: only Postgres knows.
        if answers is None or not answers[0]:
            return None
        pages = ([keys.sort_key_of(member) for member in answer] for answer in answers[1:])
        found = list(islice(heapq.merge(*pages, reverse=True), page.size + 1))
        return await self._rows(team, [(model_id, keys.model_field(model_id)) for model_id in found], page)

    async def count(self, team: str, models: ModelFilter) -> int | None:
        answers = await self._ask(
            team,
            lambda team_keys: [
                ("EXISTS", team_keys.index),
                *(("ZLEXCOUNT", team_keys.index, *keys.list_bounds(name)) for name in keys.lists_for(models)),
            ],
        )
        return sum(answers[1:]) if answers is not None and answers[0] else None

    async def versions(self, team: str, model_id: str, stage: Stage | None, page: PageRequest) -> Rows | None:
        after = keys.after_ordinal(page.after[0]) if page.after else ""
        name = keys.list_of_versions(model_id, stage)
        answers = await self._ask(
            team,
            lambda team_keys: [
                ("EXISTS", team_keys.index),
                ("HEXISTS", team_keys.documents, keys.revision_field(model_id)),
                _range(team_keys, name, after, page.size + 1),
            ],
        )
        if answers is None or not (answers[0] and answers[1]):
            return None
        found = [keys.sort_key_of(member).split("/") for member in answers[2]]
        fields = [(str(int(ordinal)), keys.version_field(version_id)) for ordinal, version_id in found]
        return await self._rows(team, fields, page)

    async def _rows(self, team: str, found: Sequence[tuple[str, str]], page: PageRequest) -> Rows | None:
        """The documents of one page. found: sort key and field, one more than the page holds when there are more."""
        shown = found[: page.size]
        if not shown:
            return Rows(())
        answers = await self._ask(
            team, lambda team_keys: [("HMGET", team_keys.documents, *(field for _, field in shown))]
        )
        documents: list[bytes | None] = answers[0] if answers else [None]
        complete = [document for document in documents if document is not None]
        # One that is listed and not there: the store is losing data, or a rebuild switched in between.
        if len(complete) != len(shown):
            return None
        return Rows(tuple(complete), shown[-1][0] if len(found) > page.size else "")

    async def _newest(self, team: str, list_name: str) -> str:
        answers = await self._ask(team, lambda team_keys: [_range(team_keys, list_name, "", 1)])
        return keys.sort_key_of(answers[0][0]).partition("/")[2] if answers and answers[0] else ""

    async def _id(self, team: str, field: str) -> str:
        found = await self._field(team, field)
        return found.decode() if found else ""

    async def _field(self, team: str, field: str) -> bytes | None:
        answers = await self._ask(team, lambda team_keys: [("HGET", team_keys.documents, field)])
        return answers[0] if answers else None

    async def _ask(self, team: str, commands: Callable[[TeamKeys], Sequence[Command]]) -> list[Any] | None:
        """CommandRunner of the generation that is current at that moment; None when there is none.

        The pointer travels in the same round trip, so that nobody reads a generation after a switch.
        """
        for _ in range(_SWITCHES):
            team_keys = keys.team_keys(self._generation, team)
            current, *answers = await self._link.ask(("HGET", keys.POINTER, "current"), *commands(team_keys))
            if current is None:
                return None
            if current.decode() == self._generation:
                return answers
            self._generation = current.decode()
        return None


def _range(team_keys: TeamKeys, list_name: str, after: str, limit: int) -> Command:
    upper, lower = keys.page_bounds(list_name, after)
    return ("ZRANGE", team_keys.index, upper, lower, "BYLEX", "REV", "LIMIT", 0, limit)
