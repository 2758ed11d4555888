"""A page of a decision says the decision first, and has the sections in which a reader looks for the rest."""

import re
from collections.abc import Iterator
from pathlib import Path

from rules.tree import Tree, Violation

RULE = "page of a decision"
FOLDER = Path("docs") / "decisions"
SECTIONS = ["Context", "Decision", "Consequences"]

_PAGE = re.compile(r"(?P<number>\d{4})-[a-z0-9-]+\.md")
_STATUS = re.compile(r"^Status: (proposed|accepted|rejected|superseded by \[?(?P<by>\d{4}))(?=\W|$)", re.MULTILINE)
_SECTION = re.compile(r"^## (.*)$", re.MULTILINE)


def pages(tree: Tree) -> Iterator[Violation]:
    """Each page has its number in the title, a paragraph with the decision, a status, and three sections in order."""
    numbers: set[str] = set()
    for path in sorted((tree.root / FOLDER).glob("*.md")):
        where = str(path.relative_to(tree.root))
        named = _PAGE.fullmatch(path.name)
        if path.name == "README.md":
            continue
        if named is None:
            yield Violation(where, 0, RULE, "a page is called NNNN-what-was-decided.md")
            continue
        if named["number"] in numbers:
            yield Violation(where, 0, RULE, f"two pages have the number {named['number']}")
        numbers.add(named["number"])
        for message in _faults(named["number"], path.read_text()):
            yield Violation(where, 0, RULE, message)


def _faults(number: str, text: str) -> Iterator[str]:
    title, _, body = text.partition("\n\n")
    decision, _, _ = body.partition("\n\n")
    if not re.fullmatch(rf"# {number} \S.*", title):
        yield f"the title is `# {number} What was decided`"
    if decision.startswith(("Status:", "#", "-", "*")) or not decision.rstrip().endswith("."):
        yield "the paragraph after the title says the decision in a sentence"
    if _STATUS.search(body.partition("\n## ")[0]) is None:
        yield "`Status:` before the sections is proposed, accepted, rejected or superseded by NNNN"
    if _SECTION.findall(text) != SECTIONS:
        yield f"the sections are {', '.join(SECTIONS)}"
