"""What `docker compose` would refuse is found without an engine."""

import shutil
from pathlib import Path

import compose_file
import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_file_is_without_fault():
    assert compose_file.faults(ROOT) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("healthcheck:", "healthchecks:", "healthchecks"),
        ("restart: unless-stopped", "restart: [always]", "restart"),
        ("source: databases", "source: no-such-config", "no-such-config"),
        ('volumes: ["postgres:', 'volumes: ["elsewhere:', "elsewhere"),
        (':5432"]', ':port"]', "port"),
    ],
    ids=["unknown field", "wrong type", "no such config", "no such volume", "no port"],
)
def test_a_planted_fault_is_named(tmp_path, old, new, said):
    shutil.copy(ROOT / compose_file.FILE, tmp_path)
    file = tmp_path / compose_file.FILE
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))

    [fault] = compose_file.faults(tmp_path)

    assert said in fault
