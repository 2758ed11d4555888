import stat

import pytest
from fp_cli import context
from fp_kernel import FailedPrecondition


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def test_without_a_file_the_context_is_empty():
    assert context.load() == context.Context()


def test_what_is_saved_is_read_back_by_its_owner_alone():
    context.save(context.Context(address="127.0.0.1:9", access_token="t"))

    assert context.load().address == "127.0.0.1:9"
    assert stat.S_IMODE(context.path().stat().st_mode) == 0o600


def test_an_update_keeps_the_rest():
    context.save(context.Context(address="a:1", email="e"))

    assert context.update(address="b:2") == context.Context(address="b:2", email="e")


def test_fields_of_a_newer_version_are_passed_over():
    context.path().parent.mkdir(parents=True)
    context.path().write_text('{"address": "a:1", "colour": "red"}')

    assert context.load().address == "a:1"


@pytest.mark.parametrize("text", ["", "[]", "{", "7"])
def test_a_broken_file_is_named(text):
    context.path().parent.mkdir(parents=True)
    context.path().write_text(text)

    with pytest.raises(FailedPrecondition, match=r"context\.json"):
        context.load()
