"""SQL and conversions that several stores share."""

from typing import Final

# Below every id. `id > $1` walks an index from there; `$1 IS NULL OR id > $1` would read all that lies before a page,
# once the server keeps one plan for all values.
FIRST: Final = "00000000-0000-0000-0000-000000000000"


def affected(status: str) -> int:
    """The number of rows in a command's status, such as `DELETE 3`."""
    return int(status.rpartition(" ")[2])
