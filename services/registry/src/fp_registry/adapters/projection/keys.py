"""What is in the projection, under which keys.

A generation is one complete copy of all teams. Of each generation a team has two keys, in one slot of a cluster:

- `documents`, a hash. `m:<model id>` and `v:<version id>` are what reads answer; `r:<model id>` is the revision up to
  which everything of that model is here; `n:<name>` and `w:<model id>/<version>` lead from names to ids; `l:m:<id>` and
  `l:v:<id>` name the lists that the document stands in, so that it can be taken out of those it leaves.
- `index`, a sorted set with all scores 0: every list of the team, one after the other, in the order of bytes. A member
  is `<list>`, a zero byte, `<sort key>`. A page is a range between two members, so that it costs the same wherever it
  starts and however long the list is.

Lists of models, by id, which is by time of registration: all, by framework, by task type, by both, by each tag; live
and archived models apart. Lists of versions, by ordinal: of a model, and of a model in a stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fp_registry.app.read_ports import ModelFilter
from fp_registry.domain.model import Model
from fp_registry.domain.stages import Stage
from fp_registry.domain.version import Version

PREFIX = "fp:registry"
# Both in one slot: a switch reads the claim and writes the pointer.
POINTER = f"{{{PREFIX}}}:pointer"
CLAIM = f"{{{PREFIX}}}:claim"
ANY_TEAM = f"{PREFIX}:{{*}}:*:*"

LIVE = "live"
ARCHIVED = "archived"
_ANY = "*"
_END = "\0"
_AFTER_END = "\1"
_ORDINAL_DIGITS = 18


@dataclass(frozen=True, slots=True)
class TeamKeys:
    documents: str
    index: str


def team_keys(generation: str, team: str) -> TeamKeys:
    start = f"{PREFIX}:{{{_escape(team)}}}:{generation}"
    return TeamKeys(f"{start}:documents", f"{start}:index")


def generation_of(key: str) -> str:
    return key.split(":")[-2]


def model_field(model_id: str) -> str:
    return f"m:{model_id}"


def version_field(version_id: str) -> str:
    return f"v:{version_id}"


def revision_field(model_id: str) -> str:
    return f"r:{model_id}"


def model_name_field(name: str) -> str:
    return f"n:{name}"


def version_name_field(model_id: str, name: str) -> str:
    return f"w:{model_id}/{name}"


def model_lists(model: Model) -> Sequence[str]:
    """The lists that a model stands in."""
    state = ARCHIVED if model.archived else LIVE
    lists = [
        _models(state, framework, task_type)
        for framework in (_ANY, _escape(model.framework))
        for task_type in (_ANY, _escape(model.task_type))
    ]
    return [*lists, *(_tagged(state, key, value) for key, value in sorted(model.tags.items()))]


def lists_for(models: ModelFilter) -> Sequence[str]:
    """The lists whose union a filter asks for; a tag is filtered by alone."""
    states = (LIVE, ARCHIVED) if models.archived else (LIVE,)
    if models.tag:
        return [_tagged(state, *models.tag) for state in states]
    framework, task_type = _escape(models.framework) or _ANY, _escape(models.task_type) or _ANY
    return [_models(state, framework, task_type) for state in states]


def version_lists(version: Version) -> Sequence[str]:
    """The lists that a version stands in."""
    return [list_of_versions(version.model_id, None), list_of_versions(version.model_id, version.stage)]


def list_of_versions(model_id: str, stage: Stage | None) -> str:
    return f"v|{model_id}|{stage or _ANY}"


def version_sort_key(version: Version) -> str:
    return f"{_padded(version.ordinal)}/{version.id}"


def page_bounds(list_name: str, after: str) -> tuple[str, str]:
    """Upper and lower bound for `ZRANGE ... BYLEX REV`, below the sort key `after` or from the newest."""
    upper = f"({list_name}{_END}{after}" if after else f"({list_name}{_AFTER_END}"
    return upper, f"[{list_name}{_END}"


def list_bounds(list_name: str) -> tuple[str, str]:
    """Lower and upper bound for `ZLEXCOUNT` of the whole list."""
    return f"[{list_name}{_END}", f"({list_name}{_AFTER_END}"


def after_ordinal(ordinal: str) -> str:
    return _padded(int(ordinal))


def sort_key_of(member: bytes) -> str:
    return member.decode().rpartition(_END)[2]


def _models(state: str, framework: str, task_type: str) -> str:
    return f"m|{state}|{framework}|{task_type}"


def _tagged(state: str, key: str, value: str) -> str:
    return f"t|{state}|{_escape(key)}|{_escape(value)}"


def _padded(ordinal: int) -> str:
    return f"{ordinal:0{_ORDINAL_DIGITS}d}"


def _escape(text: str) -> str:
    """Text of people, without the characters that mean something here."""
    return quote(text, safe="")
