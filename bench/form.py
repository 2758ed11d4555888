"""The one form in which a benchmark answers: its last line, one JSON object."""

import json
from collections.abc import Mapping
from typing import Any


def report(  # noqa: PLR0917 -- the form is six facts in the order of the line
    bench: str,
    unit: str,
    ours: float,
    floor: float,
    peers: Mapping[str, float] | None = None,
    extra: Mapping[str, Any] | None = None,
    *,
    higher_is_better: bool = True,
) -> None:
    """Print the result; a ratio above 1 means that ours is better.

    ours, floor, peers: figures of one run of everything, interleaved, in `unit`.
    floor: the same work done by the bare libraries.
    peers: the same work done by other products, by name; `peer_ratio` compares with the best of them.
    """

    def ratio(other: float) -> float:
        return round(ours / other if higher_is_better else other / ours, 3)

    peers = dict(peers or {})
    best = (max if higher_is_better else min)(peers.values(), default=None)
    line = {
        "bench": bench,
        "unit": unit,
        "ours": round(ours, 3),
        "floor": round(floor, 3),
        "floor_ratio": ratio(floor),
        "peers": {name: round(figure, 3) for name, figure in peers.items()},
        "peer_ratio": None if best is None else ratio(best),
        "extra": dict(extra or {}),
    }
    print(json.dumps(line, separators=(",", ":")), flush=True)
