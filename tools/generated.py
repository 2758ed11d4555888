"""A file of the repository that is written from the rest of it, and whose committed text is compared with that."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Generated:
    """file: from the root of the tree. render: its text for the tree. tool: the program's name in tools/."""

    file: Path
    render: Callable[[Path], str]
    tool: str

    def is_current(self, root: Path) -> bool:
        file = root / self.file
        return file.is_file() and file.read_text() == self.render(root)

    def main(self) -> int:
        """Writes the file; with `--check`, 1 when the committed one differs."""
        if sys.argv[1:] == ["--check"]:
            if self.is_current(ROOT):
                return 0
            print(f"{self.file} is stale: run python tools/{self.tool}.py")
            return 1
        (ROOT / self.file).parent.mkdir(exist_ok=True)
        (ROOT / self.file).write_text(self.render(ROOT))
        return 0


def section(name: str, lists: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Lines of a table in TOML; lists without values are left out."""
    yield f"[{name}]"
    for key, values in lists.items():
        if values:
            yield f"{key} = ["
            yield from (f'    "{value}",' for value in values)
            yield "]"
    yield ""
