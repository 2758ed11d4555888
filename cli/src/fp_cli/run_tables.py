"""Runs as people compare them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

_KEY: Final = "key"
# Ids begin with the time: runs that were started together differ at the end.
_TAIL: Final = 8


def brief(run: Mapping[str, Any]) -> dict[str, Any]:
    """A run with parameters and metrics by name, and its inputs in words."""
    return {
        **run,
        "params": {param["key"]: param["value"] for param in run["params"]},
        "metrics": {point["key"]: point["value"] for point in run["final_metrics"]},
        "inputs": [_input(read) for read in run["inputs"]],
    }


def _input(read: Mapping[str, Any]) -> str:
    asked = [f"{name} {read[name]}" for name in ("as_of", "known_as_of") if read.get(name)]
    return " ".join((read["view"], *asked))


def side_by_side(
    comparisons: Sequence[Mapping[str, Any]], metrics: Sequence[str], *, differing: bool
) -> tuple[list[str], list[dict[str, Any]]]:
    """A column for each run and a row for its status, each parameter and each metric's newest value.

    metrics: those asked for; without any, all. differing: only rows whose values are not all the same.
    """
    columns = _titles([each["run"] for each in comparisons])
    found: dict[str, dict[str, Any]] = {}
    for column, each in zip(columns, comparisons, strict=True):
        run = brief(each["run"])
        facts = {"id": run["id"], "status": run["status"]}
        facts |= {f"params.{name}": value for name, value in run["params"].items()}
        newest = {series["key"]: series["points"][-1]["value"] for series in each["series"] if series["points"]}
        shown = newest if metrics else run["metrics"] | newest
        facts |= {f"metrics.{name}": value for name, value in shown.items()}
        for name, value in facts.items():
            found.setdefault(name, {_KEY: name})[column] = value
    items = sorted(found.values(), key=_order)
    if differing:
        items = [item for item in items if len({str(item.get(column)) for column in columns}) > 1]
    return [_KEY, *columns], items


def _order(item: Mapping[str, Any]) -> tuple[int, str]:
    name = str(item[_KEY])
    return (("id", "status").index(name) if name in {"id", "status"} else 2 + name.startswith("metrics."), name)


def _titles(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    names = Counter(run["display_name"] for run in runs)
    tails = [run["id"][-_TAIL:] for run in runs]
    return [
        f"{run['display_name']} {tail}".strip() if not run["display_name"] or names[run["display_name"]] > 1
        else run["display_name"]
        for run, tail in zip(runs, tails, strict=True)
    ]  # fmt: skip
