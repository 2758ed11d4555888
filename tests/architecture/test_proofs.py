"""Each proof has a row of docs/proofs.md, and each row's proof is there."""

import re
from pathlib import Path

import proof
import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "proofs.md"


def differences(page, names):
    return sorted(set(re.findall(r"make proof NAME=(\w+)", page)) ^ set(names))


def test_the_page_has_the_proofs_that_there_are():
    assert differences(PAGE.read_text(), proof.names()) == []


@pytest.mark.parametrize("names", [["one"], ["one", "two", "three"]])
def test_a_proof_without_a_row_and_a_row_without_its_proof_are_found(names):
    page = "| a | `make proof NAME=one` |\n| b | `make proof NAME=two PART=all` |"

    assert differences(page, names) == sorted({"one", "two"} ^ set(names))
