"""What each worker of a run does before its tests, for their speed."""

import gc
import os
from types import SimpleNamespace

from fp_testkit.plugin import pytest_collection


def test_numbers_are_computed_by_one_thread():
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_what_the_collection_made_is_never_looked_at_again():
    before = gc.get_freeze_count()
    alone = SimpleNamespace(config=SimpleNamespace(option=SimpleNamespace(workers=0)))
    collection = pytest_collection(alone)
    next(collection)

    assert not gc.isenabled()
    for _ in collection:
        """Nothing more is waited for."""
    assert gc.isenabled()
    assert gc.get_freeze_count() > before > 0
