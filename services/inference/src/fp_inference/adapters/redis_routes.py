"""Routes in Redis: a hash a team for targets, splits and marks, so that a restart need not ask anyone."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from fp_kernel.revisions import NOTHING, check_revision
from fp_kernel.times import microseconds
from fp_redis import RedisClient, Script

from fp_inference.adapters.route_json import (
    dump_rules,
    dump_shadow,
    dump_split,
    dump_stable,
    dump_target,
    load_rules,
    load_shadow,
    load_split,
    load_stable,
    load_target,
)
from fp_inference.app.ports import SplitMoved
from fp_inference.domain.routes import Route, Stable, Target
from fp_inference.domain.rules import Rule, Rules, Shadow
from fp_inference.domain.shares import Share, Split

_TEAMS = "fp:inference:teams"
_CHANNEL = "fp:inference:splits"
# Code of before reads each message of the other channel as a split.
_CHANNEL_OF_POLICIES = "fp:inference:rules"

# KEYS: hash, teams. ARGV: field, version, body, team. Kept unless a newer version is there; values are "version|body".
_SAVE_NEWEST = Script("""
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and tonumber(string.match(old, '^(%d+)|')) > tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '|' .. ARGV[3])
redis.call('SADD', KEYS[2], ARGV[4])
return 1
""")
# KEYS: teams, then the hashes of splits, rules and shadows. ARGV: field, team, the expected revision or nothing, the
# newest of the split that the caller knows or nothing, the channels of splits and of policies, then the bodies of
# split, rules and shadow, empty for what stays. Stores and publishes them as the next revision of the route, which is
# above that of each of the three. It is at least the time in microseconds: after a flush it must not begin anew, below
# what every process still remembers. Where another revision is there than the expected one, or a newer split than the
# caller knows, nothing is stored; answered is what is there, who set it, and the split.
_NEXT_REVISION = Script("""
local known, by, deleted = '0', '', false
local split = redis.call('HGET', KEYS[2], ARGV[1]) or ''
for at = 2, 4 do
  local revision, body = string.match(redis.call('HGET', KEYS[at], ARGV[1]) or '', '^(%d+)|(.*)$')
  if revision then
    local set = cjson.decode(body)
    -- A split without shares is a route that was deleted.
    if at == 2 and #set['shares'] == 0 then deleted = true end
    if tonumber(revision) > tonumber(known) then known, by = revision, set['set_by'] or '' end
  end
end
local present = deleted and '0' or known
if ARGV[3] ~= '' and ARGV[3] ~= present then return {'', present, by, split} end
if ARGV[4] ~= '' and tonumber(ARGV[4]) < tonumber(string.match(split, '^%d+') or '0') then
  return {'', present, by, split}
end
local time = redis.call('TIME')
local revision = string.format('%.0f', math.max(tonumber(known) + 1, time[1] * 1000000 + time[2]))
redis.call('SADD', KEYS[1], ARGV[2])
for at, kind in ipairs({'splits', 'rules', 'shadows'}) do
  if ARGV[6 + at] ~= '' then
    local value = revision .. '|' .. ARGV[6 + at]
    redis.call('HSET', KEYS[1 + at], ARGV[1], value)
    local message = {ARGV[2], ARGV[1], value}
    if at > 1 then message[4] = kind end
    redis.call('PUBLISH', at == 1 and ARGV[5] or ARGV[6], cjson.encode(message))
  end
end
return {revision, present, by, split}
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
    "rules": "fp:inference:rules:",
    "shadows": "fp:inference:shadows:",
    "stable": "fp:inference:stable:",
    "archived": "fp:inference:archived:",
    "restored": "fp:inference:restored:",
}
# Fields of one step of a scan: a hash may have millions, and the store answers nobody else meanwhile.
_AT_ONCE = 500

SplitHandler = Callable[[str, str, Split], None]
PolicyHandler = Callable[[str, str, Rules | Shadow], None]
_POLICIES: Mapping[str, Callable[[int, str], Rules | Shadow]] = {"rules": load_rules, "shadows": load_shadow}
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

    async def set_rules(
        self, team: str, model_name: str, rules: tuple[Rule, ...], at: datetime, *, by: str, expected: int | None = None
    ) -> Rules:
        made = Rules(rules, NOTHING, at, by)
        return replace(made, revision=await self.set_whole(team, model_name, None, made, None, expected=expected))

    async def set_shadow(
        self, team: str, model_name: str, share: Share | None, at: datetime, *, by: str, expected: int | None = None
    ) -> Shadow:
        made = Shadow(share, NOTHING, at, by)
        return replace(made, revision=await self.set_whole(team, model_name, None, None, made, expected=expected))

    async def set_whole(
        self,
        team: str,
        model_name: str,
        split: Split | None,
        rules: Rules | None,
        shadow: Shadow | None,
        *,
        expected: int | None = None,
        planned_on: int | None = None,
    ) -> int:
        wanted, known = ("" if revision is None else str(revision) for revision in (expected, planned_on))
        bodies = (
            dump_split(split.shares, split.set_at, split.set_by, split.salt) if split is not None else "",
            dump_rules(rules.rules, rules.set_at, rules.set_by) if rules is not None else "",
            dump_shadow(shadow.share, shadow.set_at, shadow.set_by) if shadow is not None else "",
        )
        arguments = [model_name, team, wanted, known, _CHANNEL, _CHANNEL_OF_POLICIES, *bodies]
        keys = [_TEAMS, *(_hash(each, team) for each in ("splits", "rules", "shadows"))]
        ((revision, present, set_by, there),) = await self._link.run(_NEXT_REVISION, (keys, arguments))
        if not revision:
            check_revision(expected, int(present) or NOTHING, changed_by=set_by.decode())
            raise SplitMoved(load_split(*_parted(there)))
        return int(revision)

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

    async def watch_policies(self, connected: Callable[[], Awaitable[None]], handle: PolicyHandler) -> None:
        """The same of rules and shadows."""
        async with aclosing(self._link.listen(_CHANNEL_OF_POLICIES, connected)) as messages:
            async for message in messages:
                team, model_name, value, kind = json.loads(message)
                if kind in _POLICIES:
                    handle(team, model_name, _POLICIES[kind](*_parted(value.encode())))

    async def _team(self, team: str) -> Sequence[Route]:
        return _routes(team, *await self._link.ask(*(("HGETALL", _hash(kind, team)) for kind in _FAMILIES)))

    async def _save(self, key: str, field: str, version: int, body: str, team: str) -> None:
        arguments = [field, version, body, team]
        await self._link.run(_SAVE_NEWEST, ([key, _TEAMS], arguments))


def _routes(team: str, *hashes: _Fields) -> list[Route]:
    targets, splits, rules, shadows, stable, archived, restored = hashes
    of_model: dict[str, dict[str, Target]] = {}
    for field, value in targets.items():
        model_name, version_id = json.loads(field)
        of_model.setdefault(model_name, {})[version_id] = load_target(_parted(value)[1])
    split = {field.decode(): load_split(*_parted(value)) for field, value in splits.items()}
    marks = {field.decode(): load_stable(_parted(value)[1]) for field, value in stable.items()}
    ruled = {field.decode(): load_rules(*_parted(value)) for field, value in rules.items()}
    shadowed = {field.decode(): load_shadow(*_parted(value)) for field, value in shadows.items()}
    ends, returns = _moments(archived), _moments(restored)
    found: tuple[Mapping[str, Any], ...] = (of_model, split, marks, ends, returns, ruled, shadowed)
    return [
        Route(team, model, of_model.get(model, {}), *(kind.get(model) for kind in found[1:]))
        for model in sorted(set().union(*found))
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
        case "rules":
            return load_rules(0, text).set_at
        case "shadows":
            return load_shadow(0, text).set_at
        case _:
            return datetime.fromisoformat(text)


def _parted(value: bytes) -> tuple[int, str]:
    """Version and body of a kept value."""
    version, _, body = value.decode().partition("|")
    return int(version), body


def _hash(kind: str, team: str) -> str:
    return _FAMILIES[kind] + team
