"""The README names every route of `/api/v1`."""

import re
from pathlib import Path

from fp_gateway.http.route_table import API

README = Path(__file__).resolve().parents[2] / "README.md"


def test_every_part_of_every_route_is_in_the_readme():
    text = README.read_text()
    parts = {part for route in API for part in route.path.split("/") if part and not part.startswith("{")}

    assert {part for part in parts if not re.search(rf"/{re.escape(part)}\b", text)} == set()
