"""What is kept of the lists of attributes."""

from dataclasses import dataclass, field
from typing import Final

MOST: Final = 4_096
"""Names of classes, and categories."""


@dataclass(slots=True)
class Lists:
    """Of an attribute. count: of what is only counted."""

    texts: list[str]
    ints: list[int] = field(default_factory=list)
    count: int = 0

    def counted(self) -> bool:
        """Whether there may be more; of too many it is not known how many."""
        fits = self.count <= MOST
        self.count = self.count if fits else 0
        return fits

    def labelled(self) -> bool:
        """Whether there may be more; of too many there are none."""
        fits = max(len(self.texts), len(self.ints)) <= MOST
        if not fits:
            self.texts.clear()
            self.ints.clear()
        return fits
