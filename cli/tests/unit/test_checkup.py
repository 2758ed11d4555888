import json
import socket

import grpc
import pytest
from forgepoint.auth.v1 import auth_pb2
from forgepoint.platform.v1 import growth_pb2, platform_pb2
from fp_cli import checkup
from fp_cli.failures import NEXT_STEPS
from fp_cli.main import app
from fp_kernel import PermissionDenied, Unauthenticated, Unavailable
from google.protobuf.timestamp_pb2 import Timestamp
from typer.testing import CliRunner

NOW = 1_362_096_000.0


class Platform:
    """One that answers with these services, its clock ahead by some seconds."""

    address = "a:1"

    def __init__(self, services=(), *, ahead=0, refused=None):
        self.channel = grpc.insecure_channel("127.0.0.1:1")
        self.services, self.ahead, self.refused = services, ahead, refused

    def call(self, _, request, *, anonymous=False):
        if isinstance(request, platform_pb2.GetVersionRequest):
            if isinstance(self.refused, Unavailable):
                raise self.refused
            now = Timestamp(seconds=int(NOW + self.ahead))
            return platform_pb2.GetVersionResponse(version="0.1.0", wire_revision="same", now=now)
        if self.refused:
            raise self.refused
        if isinstance(request, auth_pb2.GetCurrentUserRequest):
            claims = auth_pb2.TokenClaims(email="ada@example.com", role="admin", team="alpha")
            return auth_pb2.GetCurrentUserResponse(claims=claims)
        if isinstance(request, platform_pb2.GetGrowthRequest):
            return platform_pb2.GetGrowthResponse(services=self.services)
        return platform_pb2.GetStatusResponse(services=self.services)


def looked(platform):
    return {row.check: row for row in checkup.of_platform(platform, "same", lambda: NOW)}


def test_a_platform_that_is_well_has_only_good_rows():
    found = looked(Platform([platform_pb2.ServiceStatus(name="auth", serving=True)]))

    assert list(found) == ["platform", "version", "clock", "login", "versions", "service auth"]
    assert {row.result for row in found.values()} == {"ok"}
    assert not any(row.todo for row in found.values())


def test_services_of_another_version_are_named():
    of = platform_pb2.ServiceStatus
    services = [of(name="auth", version="0.1.0"), of(name="billing", version="0.2.0"), of(name="serving")]

    row = looked(Platform(services))["versions"]

    assert (row.result, row.detail) == ("warn", "billing: 0.2.0, while the gateway is 0.1.0")
    assert "upgrade" in row.todo


def test_a_service_that_takes_no_calls_fails_with_where_to_look():
    found = looked(Platform([platform_pb2.ServiceStatus(name="billing")]))

    assert (found["service billing"].result, "fp logs billing" in found["service billing"].todo) == ("fail", True)


def test_a_platform_that_is_away_is_one_row():
    found = looked(Platform(refused=Unavailable("nothing answers at a:1")))

    assert [(row.check, row.result) for row in found.values()] == [("platform", "fail")]
    assert found["platform"].todo == NEXT_STEPS[Unavailable.kind]


def test_who_is_not_logged_in_still_learns_the_rest():
    found = looked(Platform(refused=Unauthenticated("you are not logged in")))

    assert (found["clock"].result, found["login"].result) == ("ok", "warn")


@pytest.mark.parametrize(("apart", "result"), [(0, "ok"), (4, "ok"), (-6, "warn"), (6, "warn"), (-61, "fail")])
def test_clocks_may_be_some_seconds_apart(apart, result):
    row = checkup.clock(apart)

    assert (row.result, bool(row.todo)) == (result, result != "ok")


def test_an_api_that_differs_is_said():
    rows = list(checkup.of_platform(Platform(), "other", lambda: NOW))

    assert "their APIs differ" in rows[1].detail


@pytest.mark.parametrize(("gibibytes", "result"), [(100, "ok"), (3, "warn"), (0.5, "fail")])
def test_room_on_the_disk_is_judged(gibibytes, result, tmp_path):
    assert checkup.disk(tmp_path, int(gibibytes * checkup.GIBIBYTE)).result == result


def test_a_port_that_another_program_took_is_named(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (tmp_path / "ports.json").write_text(f'{{"edge.public": {port}}}')

        (row,) = checkup.ports(tmp_path)

    assert (row.result, row.detail) == ("warn", f"taken: {port} (edge.public)")


def test_a_folder_in_which_nothing_runs_is_told(tmp_path):
    rows = {row.check: row.result for row in checkup.of_machine(tmp_path)}

    assert rows["processes"] == "warn"
    assert rows["ports"] == "ok"


def grown(noun, **tables):
    of = [growth_pb2.TableGrowth(name=name, bytes=size, rows=10) for name, size in tables.items()]
    return growth_pb2.ServiceGrowth(name=noun, told=True, tables=of)


def test_what_a_platform_elsewhere_holds_is_read_from_it():
    services = [grown("billing", usage_facts=3 * 1024**2), grown("auth", users=1024**2), grown("gateway")]
    services.append(growth_pb2.ServiceGrowth(name="inference", told=True, spool_bytes=5 * 1024**2))

    rows = {row.check: row for row in checkup.elsewhere(Platform(services))}

    assert {row.result for row in rows.values()} == {"ok"}
    assert rows["tables"].detail.startswith("databases hold 4 MiB; largest: billing.usage_facts 3 MiB")
    assert rows["spool"].detail == "5 MiB wait in the spool of inference"


def test_a_table_elsewhere_that_is_larger_than_declared_is_named_and_so_is_a_service_that_says_nothing():
    services = [grown("notification", mails=500 * 1024**3), growth_pb2.ServiceGrowth(name="auth"), grown("billing")]

    rows = {row.check: row for row in checkup.elsewhere(Platform(services))}

    assert (rows["growth"].result, rows["growth"].detail) == ("warn", "not told by auth, billing")
    assert rows["tables"].result == "warn"
    assert "notification.mails has 512000 MiB where" in rows["tables"].detail


def test_who_may_not_ask_what_a_platform_holds_is_told_so():
    (row,) = checkup.elsewhere(Platform(refused=PermissionDenied("it takes platform:admin")))

    assert (row.check, row.result, "operator" in row.todo) == ("growth", "warn", True)


def test_what_is_not_looked_at_from_here_is_said(tmp_path, monkeypatch):
    """A platform elsewhere, whose databases only it reaches."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("FP_DATA", raising=False)

    found = CliRunner().invoke(app, ["--address", "127.0.0.1:1", "-o", "json", "doctor"])

    results = {row["check"]: row["result"] for row in json.loads(found.stdout)}
    assert results == {"platform": "fail", "growth": "warn"}
