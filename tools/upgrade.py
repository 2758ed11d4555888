"""Write the table of services in docs/operations/upgrade.md: their order, newest migrations and necessary settings.

python tools/upgrade.py          writes it
python tools/upgrade.py --check  exits 1 when the committed one differs
"""

import importlib
import inspect
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import topology
from fp_runtime.settings import ServiceSettings
from generated import Generated

PAGE = Path("docs") / "operations" / "upgrade.md"
_BEGIN, _END = "<!-- services: python tools/upgrade.py -->\n", "<!-- end of services -->\n"
_HEAD = "| step | service | newest migration | settings without a default |\n|---|---|---|---|\n"
_EVERY = "every_service"


def order(calls: Mapping[str, set[str]]) -> list[list[str]]:
    """Who is called comes before who calls; those that call each other come together."""
    reached = {noun: _reached(noun, calls) for noun in calls}
    steps: dict[str, int] = {}

    def step(noun: str) -> int:
        if noun not in steps:
            below = [other for other in reached[noun] if noun not in reached[other]]
            steps[noun] = 1 + max(map(step, below), default=0)
        return steps[noun]

    highest = max(map(step, calls))
    return [sorted(noun for noun in calls if steps[noun] == number) for number in range(1, highest + 1)]


def _reached(noun: str, calls: Mapping[str, set[str]]) -> set[str]:
    found, left = set[str](), [noun]
    while left:
        new = calls[left.pop()] - found
        found |= new
        left += new
    return found


def services(root: Path) -> dict[str, set[str]]:
    """Who calls whom, of the services."""
    told = tomllib.loads((root / topology.FILE).read_text())
    nouns = {folder.name for folder in (root / "services").iterdir() if (folder / "pyproject.toml").is_file()}
    common = _called(told.get(_EVERY, {}))
    return {noun: ((_called(told.get(noun, {})) | common) & nouns) - {noun} for noun in nouns}


def _called(entry: Mapping[str, list[str]]) -> set[str]:
    return {call.partition(".")[0] for call in entry.get("calls", ())}


def newest_migration(root: Path, noun: str) -> str:
    files = sorted((root / "services" / noun / "src" / f"fp_{noun}" / "migrations").glob("*.sql"))
    return f"`{files[-1].stem}`" if files else ""


def required(noun: str) -> list[str]:
    """Without these a service does not start."""
    module = importlib.import_module(f"fp_{noun}.settings")
    found: set[str] = set()
    for _, each in inspect.getmembers(module, inspect.isclass):
        if issubclass(each, ServiceSettings) and each.__module__ == module.__name__:
            found |= {f"FP_{name.upper()}" for name, field in each.model_fields.items() if field.is_required()}
    return sorted(found)


def table(root: Path) -> Iterator[str]:
    yield _HEAD
    for number, nouns in enumerate(order(services(root)), start=1):
        for noun in nouns:
            settings = ", ".join(f"`{name}`" for name in required(noun))
            yield f"| {number} | {noun} | {newest_migration(root, noun)} | {settings} |\n"


def render(root: Path) -> str:
    """The page with the table as it must be."""
    text = (root / PAGE).read_text()
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}{''.join(table(root))}{_END}{after}"


_GENERATED = Generated(PAGE, render, "upgrade")
is_current = _GENERATED.is_current

if __name__ == "__main__":
    sys.exit(_GENERATED.main())
