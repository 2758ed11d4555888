import json

import pytest
from forgepoint.platform.v1 import platform_pb2 as pb
from fp_cli import context, versions
from fp_kernel import Unavailable

DAY = 86_400.0


class Platform:
    """Of a version; counts how often it was asked."""

    channel = None
    address = "a:1"

    def __init__(self, version):
        self.version, self.asked = version, 0

    def within(self, seconds):
        return self

    def call(self, _, request, *, anonymous):
        self.asked += 1
        if self.version is None:
            raise Unavailable("nothing answers")
        return pb.GetVersionResponse(version=self.version)


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("fp_cli.versions.own", lambda: "0.4.2")
    monkeypatch.setattr("fp_cli.versions.PlatformServiceStub", lambda _: pb)
    monkeypatch.setattr(pb, "GetVersion", None, raising=False)


@pytest.mark.parametrize("server", ["0.4.9", "0.3.0", "0.5.0", "", "unknown", "0"])
def test_one_minor_version_apart_is_no_skew(server):
    assert versions.skew("0.4.2", server) == ""


@pytest.mark.parametrize(
    ("server", "older"), [("0.6.0", "this command"), ("0.2.9", "the platform"), ("1.4.2", "this command")]
)
def test_what_is_further_apart_is_said_with_who_must_move(server, older):
    assert f"bring {older} up to date" in versions.skew("0.4.2", server)


def test_skew_is_said_once_a_day_on_stderr(capsys):
    platform = Platform("0.6.0")
    for moment in (0.0, 1.0, DAY - 1):
        versions.warn_daily(platform, 10 * DAY + moment)

    printed = capsys.readouterr()
    assert (printed.out, printed.err.count("warning:"), platform.asked) == ("", 1, 1)

    versions.warn_daily(platform, 11 * DAY)
    assert (capsys.readouterr().err.count("warning:"), platform.asked) == (1, 2)


def test_each_platform_has_its_own_day(capsys):
    first, second = Platform("0.6.0"), Platform("0.6.0")
    second.address = "b:2"
    versions.warn_daily(first, DAY)
    versions.warn_daily(second, DAY)

    assert capsys.readouterr().err.count("warning:") == 2


@pytest.mark.parametrize("version", ["0.4.0", None])
def test_nothing_is_said_where_versions_fit_or_nobody_answers(version, capsys):
    versions.warn_daily(Platform(version), DAY)

    assert capsys.readouterr().err == ""


def test_a_platform_that_does_not_answer_is_asked_once_a_day():
    platform = Platform(None)
    for moment in (0.0, 1.0, DAY):
        versions.warn_daily(platform, DAY + moment)

    assert platform.asked == 2


@pytest.mark.parametrize("text", ["", "[]", '{"a:1": "x"}', '{"a:1": []}', "{"])
def test_a_file_that_cannot_be_read_is_written_anew(text, capsys):
    file = context.path().with_name("versions.json")
    file.parent.mkdir(parents=True)
    file.write_text(text)
    platform = Platform("0.6.0")

    for moment in (0.0, 1.0):
        versions.warn_daily(platform, DAY + moment)

    assert (capsys.readouterr().err.count("warning:"), platform.asked) == (1, 1)


def test_the_file_stays_small():
    for number in range(150):
        platform = Platform("0.4.2")
        platform.address = f"a:{number}"
        versions.warn_daily(platform, DAY + number)

    known = json.loads(context.path().with_name("versions.json").read_text())
    assert len(known) <= 101
    assert "a:149" in known
