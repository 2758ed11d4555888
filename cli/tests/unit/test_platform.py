"""Folders that cannot become a platform's are refused before anything is started."""

from pathlib import Path

import pytest
from fp_cli import platform
from fp_kernel import InvalidArgument


def test_a_folder_that_can_be_made_is_left_to_be_made(tmp_path):
    platform.check(tmp_path / "a" / "b")

    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidArgument, match="is not a folder"):
        platform.check(tmp_path / "file" / "data")


def test_a_place_where_nothing_can_be_made_is_named():
    """Also for root, who may write to it."""
    with pytest.raises(InvalidArgument, match=r"/proc/.* cannot be"):
        platform.check(Path("/proc/fp-data/deep"))
