import json
import stat
from types import SimpleNamespace

import pytest
from fp_cli import context, platform
from fp_kernel import FailedPrecondition, InvalidArgument, NotFound


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def written(text):
    context.path().parent.mkdir(parents=True)
    context.path().write_text(text)


def test_without_a_file_the_context_is_empty():
    assert context.load() == context.Context()


def test_what_is_saved_is_read_back_by_its_owner_alone():
    context.save(context.Context(address="127.0.0.1:9", access_token="t"))

    assert context.load().address == "127.0.0.1:9"
    assert stat.S_IMODE(context.path().stat().st_mode) == 0o600


def test_an_update_keeps_the_rest():
    context.save(context.Context(address="a:1", email="e"))

    assert context.update(address="b:2") == context.Context(address="b:2", email="e")


def test_a_file_of_before_there_were_several_is_the_first_context():
    written('{"address": "a:1", "access_token": "t", "expires_at": 7.0}')

    assert context.load() == context.load("default") == context.Context("a:1", access_token="t", expires_at=7.0)
    context.update("default", email="e")
    assert context.load() == context.Context("a:1", email="e", access_token="t", expires_at=7.0)
    assert list(json.loads(context.path().read_text())) == ["current", "contexts"]


def test_fields_of_a_newer_version_are_passed_over():
    written('{"current": "x", "contexts": {"x": {"address": "a:1", "colour": "red"}}}')

    assert context.load().address == "a:1"


@pytest.mark.parametrize("text", ["", "[]", "{", "7", '{"contexts": {}}', '{"contexts": 7, "current": "x"}'])
def test_a_broken_file_is_named(text):
    written(text)

    with pytest.raises(FailedPrecondition, match=r"context\.json"):
        context.load()


def test_each_name_has_its_own_platform_and_one_is_current():
    context.save(context.Context(address="a:1"), "staging")
    context.save(context.Context(address="b:2"), "production")
    assert (context.load().address, context.load("production").address) == ("a:1", "b:2")

    context.use("production")
    context.save(context.Context(address="b:2", email="e"))

    assert context.load() == context.load("production") == context.Context(address="b:2", email="e")
    assert context.load("staging") == context.Context(address="a:1")


def test_a_name_that_is_not_there_is_refused():
    for ask in (context.load, context.use, context.delete):
        with pytest.raises(NotFound, match="no context elsewhere"):
            ask("elsewhere")


@pytest.mark.parametrize("name", ["-x", "a b", "é", "x" * 64, "../x"])
def test_a_name_is_plain(name):
    with pytest.raises(InvalidArgument, match="context"):
        context.save(context.Context(), name)


def test_when_the_current_one_is_deleted_none_takes_its_place():
    """A command meant for one platform must not go to another one."""
    context.save(context.Context(address="a:1"), "staging")
    context.save(context.Context(address="b:2"), "production")
    context.delete("staging")

    assert context.load() == context.Context()
    assert context.everything().current == ""
    assert context.load("production").address == "b:2"


def access(address):
    return SimpleNamespace(address=address, http_address="", nats_url="", ca_file="")


def test_a_platform_of_this_machine_does_not_overwrite_another_one(tmp_path):
    context.save(context.Context(address="far.example:443", access_token="t"), "production")

    assert platform.remember(tmp_path / "one", access("127.0.0.1:1")) == "default"
    assert platform.remember(tmp_path / "two", access("127.0.0.1:2")) == "local"
    assert platform.remember(tmp_path / "three", access("127.0.0.1:3")) == "local-2"
    context.use("production")
    assert platform.remember(tmp_path / "one", access("127.0.0.1:9")) == "default"

    assert context.everything().current == "default"
    assert context.load().address == "127.0.0.1:9"
    assert context.load("production").access_token == "t"


def test_a_login_at_another_address_of_the_same_folder_is_forgotten(tmp_path):
    platform.remember(tmp_path, access("127.0.0.1:1"))
    context.update(access_token="t")
    platform.remember(tmp_path, access("127.0.0.1:1"))
    assert context.load().access_token == "t"

    platform.remember(tmp_path, access("127.0.0.1:2"))

    assert context.load().access_token == ""
