"""With how many examples a property is tried.

The examples of a run are the same each time: more of them find nothing new once they have passed. Every run tries few,
and `make proof NAME=properties` many, which are others each time.
"""

import os
from typing import Final

MANY: Final = "FP_MANY_EXAMPLES"
FEW_PROFILE: Final = "few"
MANY_PROFILE: Final = "many"
_FEW: Final = 30
_TIMES: Final = 20


def examples(few: int = _FEW) -> int:
    """few: of an ordinary run, for a property whose examples cost more or less than those of others."""
    return few * _TIMES if os.environ.get(MANY) else few


def register_profiles() -> None:
    """Both are hypothesis' own for busy machines: no test fails because it was slow."""
    from hypothesis import settings

    ci = settings.get_profile("ci")
    settings.register_profile(FEW_PROFILE, parent=ci, max_examples=examples())
    settings.register_profile(MANY_PROFILE, parent=ci, max_examples=examples(), derandomize=False)
