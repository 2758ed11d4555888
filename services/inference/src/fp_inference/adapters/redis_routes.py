"""Routes in Redis: a hash a team for targets, splits and marks, so that a restart need not ask anyone."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import partial

from fp_kernel.revisions import NOTHING, check_revision
from fp_kernel.times import microseconds
from fp_redis import RedisClient, Script

from fp_inference.adapters.route_json import (
    dump_split,
    dump_stable,
    dump_target,
    load_split,
    load_stable,
    load_target,
)
from fp_inference.app.ports import SplitMoved
from fp_inference.domain.routes import Route, Share, Split, Stable, Target

_TEAMS = "fp:inference:teams"
_CHANNEL = "fp:inference:splits"

# KEYS: hash, teams. ARGV: field, version, body, team. Kept unless a newer version is there; values are "version|body".
_SAVE_NEWEST = Script("""
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and tonumber(string.match(old, '^(%d+)|')) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
return 1
""")
# KEYS: hash, teams. ARGV: field, body, team, channel, the expected revision or nothing, the newest one that the caller
# knows or nothing. Stores and publishes the next revision. It is at least the time in microseconds: after a flush it
# must not begin anew, below what every process still remembers. Where another revision is there than the expected one,
# or a newer one than the caller knows, nothing is stored, and what is there is answered.
_NEXT_REVISION = Script("""
local old = redis.call('HGET', KEYS[1], ARGV[1])
local time = redis.call('TIME')
local known, body = string.match(old or '0|', '^(%d+)|(.*)$')
-- A split without shares is a route that was deleted.
local present = (body ~= '' and #cjson.decode(body)['shares'] > 0 and known) or '0'
if ARGV[5] ~= '' and ARGV[5] ~= present then return {'', old or ''} end
if ARGV[6] ~= '' and tonumber(ARGV[6]) < tonumber(known) then return {'', old} end
local revision = math.max(tonumber(known) + 1, time[1] * 1000000 + time[2])
local value = string.format('%.0f', revision) .. '|' .. ARGV[2]
redis.call('HSET', KEYS[1], ARGV[1], value)
redis.call('SADD', KEYS[2], ARGV[3])
redis.call('PUBLISH', ARGV[4], cjson.encode({ARGV[3], ARGV[1], value}))
return {string.format('%.0f', revision), ''}
""")

# KEYS: hash. ARGV: fields and values by turns. Deletes each field that still has its value: a newer value stays.
_DELETE = Script("""
local gone = 0
for at = 1, #ARGV, 2 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then gone = gone + redis.call('HDEL', KEYS[1], ARGV[at]) end
end
return gone
""")
# KEYS: teams, then the hashes of a team. ARGV: team. Forgets a team that has none of them any more.
_FORGET_TEAM = Script("""
if redis.call('EXISTS', unpack(KEYS, 2)) > 0 then return 0 end
return redis.call('SREM', KEYS[1], ARGV[1])
""")
# Of each kind one hash a team. Written out, so that each is found and declared as something that grows.
_FAMILIES = {
    "targets": "fp:inference:targets:",
    "splits": "fp:inference:splits:",
    "stable": "fp:inference:stable:",
    "archived": "fp:inference:archived:",
    "restored": "fp:inference:restored:",
}
# Fields of one step of a scan: a hash may have millions, and the store answers nobody else meanwhile.
_AT_ONCE = 500

SplitHandler = Callable[[str, str, Split], None]
_Fields = Mapping[bytes, bytes]


class RedisRoutes:
    def __init__(self, link: RedisClient) -> None:
        self._link = link

    async def load(self) -> Sequence[Route]:
        (teams,) = await self._link.ask(("SMEMBERS", _TEAMS))
        routes: list[Route] = []
        for team in sorted(name.decode() for name in teams):
            routes += await self._team(team)
        return routes

    async def save_target(self, team: str, model_name: str, target: Target) -> None:
        field = json.dumps([model_name, target.version_id])
        await self._save(_hash("targets", team), field, target.sequence, dump_target(target), team)

    async def save_stable(self, team: str, model_name: str, stable: Stable) -> None:
        version = microseconds(stable.promoted_at)
        await self._save(_hash("stable", team), model_name, version, dump_stable(stable), team)

    async def save_archived(self, team: str, model_name: str, at: datetime) -> None:
        await self._save(_hash("archived", team), model_name, microseconds(at), at.isoformat(), team)

    async def save_restored(self, team: str, model_name: str, at: datetime) -> None:
        await self._save(_hash("restored", team), model_name, microseconds(at), at.isoformat(), team)

    async def set_split(
        self,
        team: str,
        model_name: str,
        shares: tuple[Share, ...],
        at: datetime,
        *,
        by: str,
        expected: int | None = None,
        salt: str = "",
        planned_on: int | None = None,
    ) -> Split:
        wanted, known = ("" if revision is None else str(revision) for revision in (expected, planned_on))
        arguments = [model_name, dump_split(shares, at, by, salt), team, _CHANNEL, wanted, known]
        keys = [_hash("splits", team), _TEAMS]
        ((revision, other),) = await self._link.run(_NEXT_REVISION, (keys, arguments))
        if not revision:
            there = load_split(*_parted(other)) if other else None
            present = there.revision if there is not None and there.shares else NOTHING
            check_revision(expected, present, changed_by="" if there is None else there.set_by)
            if there is not None:
                raise SplitMoved(there)
        return Split(shares, int(revision), at, by, salt)

    async def forget(self, before: datetime, is_deployed: Callable[[str, str], bool]) -> int:
        (teams,) = await self._link.ask(("SMEMBERS", _TEAMS))
        gone = 0
        for team in sorted(name.decode() for name in teams):

            def is_over(kind: str, field: bytes, value: bytes, team: str = team) -> bool:
                text = _parted(value)[1]
                if kind == "targets":
                    return load_target(text).is_over(before)
                return _moment(kind, text) < before and not is_deployed(team, field.decode())

            for kind in _FAMILIES:
                gone += await self._sweep(_hash(kind, team), partial(is_over, kind))
            await self._link.run(_FORGET_TEAM, ([_TEAMS, *(_hash(kind, team) for kind in _FAMILIES)], [team]))
        return gone

    async def _sweep(self, key: str, is_over: Callable[[bytes, bytes], bool]) -> int:
        """Delete the fields of a hash that are over; how many. Each is looked at at least once."""
        cursor, gone = 0, 0
        while True:
            ((cursor, found),) = await self._link.ask(("HSCAN", key, cursor, "COUNT", _AT_ONCE))
            over = [part for field, value in found.items() if is_over(field, value) for part in (field, value)]
            if over:
                (deleted,) = await self._link.run(_DELETE, ([key], over))
                gone += deleted
            if not cursor:
                return gone

    async def watch(self, connected: Callable[[], Awaitable[None]], handle: SplitHandler) -> None:
        """Hand over every split that any replica sets; ends only by an error.

        connected: called once nothing can be missed any more, to read what was set before.
        """
        async with aclosing(self._link.listen(_CHANNEL, connected)) as messages:
            async for message in messages:
                team, model_name, value = json.loads(message)
                handle(team, model_name, load_split(*_parted(value.encode())))

    async def _team(self, team: str) -> Sequence[Route]:
        return _routes(team, *await self._link.ask(*(("HGETALL", _hash(kind, team)) for kind in _FAMILIES)))

    async def _save(self, key: str, field: str, version: int, body: str, team: str) -> None:
        arguments = [field, version, body, team]
        await self._link.run(_SAVE_NEWEST, ([key, _TEAMS], arguments))


def _routes(team: str, *hashes: _Fields) -> list[Route]:
    targets, splits, stable, archived, restored = hashes
    of_model: dict[str, dict[str, Target]] = {}
    for field, value in targets.items():
        model_name, version_id = json.loads(field)
        of_model.setdefault(model_name, {})[version_id] = load_target(_parted(value)[1])
    split = {field.decode(): load_split(*_parted(value)) for field, value in splits.items()}
    marks = {field.decode(): load_stable(_parted(value)[1]) for field, value in stable.items()}
    ends, returns = _moments(archived), _moments(restored)
    return [
        Route(
            team,
            model,
            of_model.get(model, {}),
            split.get(model),
            marks.get(model),
            ends.get(model),
            returns.get(model),
        )
        for model in sorted(of_model.keys() | split.keys() | marks.keys() | ends.keys() | returns.keys())
    ]


def _moments(hashes: _Fields) -> dict[str, datetime]:
    return {field.decode(): datetime.fromisoformat(_parted(value)[1]) for field, value in hashes.items()}


def _moment(kind: str, text: str) -> datetime:
    """When what is stored of a model happened."""
    match kind:
        case "splits":
            return load_split(0, text).set_at
        case "stable":
            return load_stable(text).promoted_at
        case _:
            return datetime.fromisoformat(text)


def _parted(value: bytes) -> tuple[int, str]:
    """Version and body of a kept value."""
    version, _, body = value.decode().partition("|")
    return int(version), body


def _hash(kind: str, team: str) -> str:
    return _FAMILIES[kind] + team
