import sys

import pytest
from fp_testkit.statements.texts import collect

SOURCE = '''
"""Select a word from this text: it is none."""

_ID = "id"
_MOST = 7
_SELECT = f"SELECT {_ID} FROM things"
_PAGE = "SELECT id FROM things WHERE id > $1 -- in order\\n ORDER BY id LIMIT $2"
_ALL = {"old": "DELETE FROM things WHERE old"}


class Things:
    async def find(self, tx, condition):
        """Select one from many."""
        await tx.fetch(_PAGE, 1, 2)
        await tx.fetch(f"{_SELECT} WHERE id = $1 LIMIT {_MOST}", 1)
        await tx.fetch(f"{_SELECT} WHERE {condition}", 1)
        await tx.execute("LOCK TABLE things")
        await tx.execute("SELECT pg_notify($1, $2)", "a", "b")
        return await tx.execute("update things set id = 1")
'''


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    name = f"planted_{abs(hash(request.node.name))}"
    folder = tmp_path / name
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "things.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def test_every_text_is_found_under_the_name_of_its_place(package):
    assert {name: text.sql for name, text in collect(package).items() if not text.pattern} == {
        "things._PAGE": "SELECT id FROM things WHERE id > $1 ORDER BY id LIMIT $2",
        "things._ALL": "DELETE FROM things WHERE old",
        "things.Things.find": "SELECT id FROM things WHERE id = $1 LIMIT 7",
        "things.Things.find/3": "update things set id = 1",
    }


def test_a_text_of_parts_that_only_run_time_knows_takes_examples_that_fit(package):
    text = collect(package)["things.Things.find/2"]
    assert text.pattern
    assert text.fits("SELECT id FROM things WHERE owner = $1")
    assert not text.fits("SELECT id FROM others WHERE owner = $1")
