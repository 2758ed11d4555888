"""Render the charts with each of their values and check what comes out; what is checked: tools/rules/manifests.py.

python tools/chart.py
"""

import json
import re
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import chart_facts
import go_tools
import kube_schemas
import store_facts
import yaml
from rules import manifests

ROOT = Path(__file__).resolve().parent.parent
IMAGES = Path("deploy") / "docker" / "images.txt"
# Values that an installation must give, where an example has none; by the chart's name.
_GIVEN = {
    chart_facts.CHART.name: """\
publicUrl: https://forgepoint.example.com
stores: {s3: {endpoint: "https://s3.example.com"}}
"""
}


class Refused(Exception):
    """By helm or kubeconform; the message is what it said."""


def values_files(chart: Path) -> list[Path | None]:
    """None for the chart's own values alone."""
    return [None, *sorted(chart.glob("values-*.yaml"))]


def rendered(chart: Path, values: Path | None = None, *settings: str, namespace: str = "forgepoint") -> str:
    """By `helm template`, hooks and tests included. settings: name=value, as of --set. Raises Refused."""
    given = _GIVEN.get(chart.name, "")
    files = ["--values", "-", *(["--values", str(values)] if values else [])]
    chosen = [part for each in settings for part in ("--set", each)]
    options = ["--namespace", namespace, "--kube-version", kube_schemas.KUBERNETES]
    return _ran("helm", "template", "forgepoint", str(chart), *options, *files, *chosen, stdin=given)


def parsed(text: str) -> list[Mapping[str, Any]]:
    # By libyaml where there is one: in Python alone the manifests take a second.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(text, Loader=loader) if document]


def conform(text: str) -> None:
    """Raises Refused with each object that Kubernetes would not take."""
    schemas = str(kube_schemas.folder() / "{{.ResourceKind}}{{.KindSuffix}}.json")
    _ran("kubeconform", "-strict", "-schema-location", schemas, "-", stdin=text)


def images(root: Path) -> frozenset[str]:
    lines = (root / IMAGES).read_text().splitlines()
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


def faults(root: Path) -> list[str]:
    """Of the charts of a tree with all of their values."""
    chart = root / chart_facts.CHART
    stale = [
        f"{facts.FILE} is stale: run python tools/{facts.__name__}.py"
        for facts in (chart_facts, store_facts)
        if not facts.is_current(root)
    ]
    found = [*stale, *unnamed(chart, chart_facts.facts(root)), *_faults_of(root, chart, manifests.RULES)]
    return [*found, *_faults_of(root, root / store_facts.CHART, manifests.RULES_OF_STORES)]


def _faults_of(root: Path, chart: Path, rules: Collection[manifests.Rule]) -> Iterator[str]:
    for values in values_files(chart):
        place = f"{chart.name}/{values.name if values else 'values.yaml'}"
        try:
            text = rendered(chart, values)
            if rendered(chart, values) != text:
                yield f"{place}: two renderings differ"
            conform(text)
        except Refused as refused:
            yield f"{place}: {refused}"
            continue
        yield from (f"{place}: {line}" for line in manifests.findings(parsed(text), images(root), rules))


def unnamed(chart: Path, facts: Mapping[str, Any]) -> list[str]:
    """Programs without a block of values, and blocks without a program."""
    resident = {noun for noun, program in facts["programs"].items() if program["resident"]}
    blocks = set(yaml.safe_load((chart / "values.yaml").read_text())["services"])
    allowed = set(json.loads((chart / "values.schema.json").read_text())["properties"]["services"]["properties"])
    return [
        f"{place}: services.{noun} is missing or of no program"
        for place, nouns in (("values.yaml", blocks), ("values.schema.json", allowed))
        for noun in sorted(resident ^ nouns)
    ]


def _ran(tool: str, *arguments: str, stdin: str | None = None) -> str:
    done = subprocess.run(
        [str(go_tools.tool(tool)), *arguments], input=stdin, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Refused(re.sub(r"\s+", " ", done.stderr + done.stdout).strip())
    return done.stdout


def main() -> int:
    try:
        found = faults(ROOT)
    except go_tools.NotBuilt as failed:
        print(failed)
        return 1
    for folder in (chart_facts.CHART, store_facts.CHART):
        try:
            _ran("helm", "lint", "--strict", str(ROOT / folder), "--values", "-", stdin=_GIVEN.get(folder.name, ""))
        except Refused as refused:
            found.append(str(refused))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
