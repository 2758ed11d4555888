"""Render the charts with each of their values and check what comes out; what is checked: tools/rules/manifests.py.

python tools/chart.py
"""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import chart_facts
import go_tools
import kube_schemas
import yaml
from rules import manifests

ROOT = Path(__file__).resolve().parent.parent
IMAGES = Path("deploy") / "docker" / "images.txt"
# Values that an installation must give, where an example has none.
_GIVEN = """\
publicUrl: https://forgepoint.example.com
stores: {s3: {endpoint: "https://s3.example.com"}}
"""


class Refused(Exception):
    """By helm or kubeconform; the message is what it said."""


def values_files(chart: Path) -> list[Path | None]:
    """None for the chart's own values alone."""
    return [None, *sorted(chart.glob("values-*.yaml"))]


def rendered(chart: Path, values: Path | None = None, *settings: str) -> str:
    """By `helm template`, hooks and tests included. settings: name=value, as of --set. Raises Refused."""
    files = ["--values", "-", *(["--values", str(values)] if values else [])]
    chosen = [part for each in settings for part in ("--set", each)]
    options = ["--namespace", "forgepoint", "--kube-version", kube_schemas.KUBERNETES]
    return _ran("helm", "template", "forgepoint", str(chart), *options, *files, *chosen, stdin=_GIVEN)


def parsed(text: str) -> list[Mapping[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def conform(text: str) -> None:
    """Raises Refused with each object that Kubernetes would not take."""
    schemas = str(kube_schemas.folder() / "{{.ResourceKind}}{{.KindSuffix}}.json")
    _ran("kubeconform", "-strict", "-schema-location", schemas, "-", stdin=text)


def images(root: Path) -> frozenset[str]:
    lines = (root / IMAGES).read_text().splitlines()
    return frozenset(line.split()[0] for line in lines if line and not line.startswith("#"))


def faults(root: Path) -> list[str]:
    """Of the chart of a tree with all of its values."""
    chart = root / chart_facts.CHART
    found = [] if chart_facts.is_current(root) else [f"{chart_facts.FILE} is stale: run python tools/chart_facts.py"]
    found += unnamed(chart, chart_facts.facts(root))
    for values in values_files(chart):
        place = values.name if values else "values.yaml"
        try:
            text = rendered(chart, values)
            if rendered(chart, values) != text:
                found.append(f"{place}: two renderings differ")
            conform(text)
        except Refused as refused:
            found.append(f"{place}: {refused}")
            continue
        found += [f"{place}: {line}" for line in manifests.findings(parsed(text), images(root))]
    return found


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
    try:
        _ran("helm", "lint", "--strict", str(ROOT / chart_facts.CHART), "--values", "-", stdin=_GIVEN)
    except Refused as refused:
        found.append(str(refused))
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
