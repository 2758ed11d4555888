"""How a stack starts, ends, survives and fails."""

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import asyncpg
import nats
import pytest
from fp_devstack import FolderInUse, Stack, StoreFailed
from fp_devstack.stores import signing
from fp_supervisor.loopback import HOST
from fp_testkit.patience import PATIENCE

SOCKETS = Path("/tmp")  # noqa: S108 -- where a store would leave them


@pytest.fixture
def nats_only(tmp_path):
    with Stack(tmp_path, stores=("nats",), durable=False) as running:
        yield running


def test_a_second_start_answers_the_same_endpoints(nats_only):
    assert nats_only.start() is nats_only.endpoints


def test_a_folder_has_one_owner_at_a_time(nats_only):
    with pytest.raises(FolderInUse, match="in use"):
        Stack(nats_only.folder).start()


def test_a_store_that_died_is_started_again_on_its_port(nats_only):
    before, endpoints = nats_only.pids, nats_only.endpoints
    nats_only.kill("nats")
    assert nats_only.pids["nats"] is None

    assert nats_only.revive() == ("nats",)
    assert nats_only.pids["nats"] not in {None, before["nats"]}
    assert nats_only.endpoints == endpoints
    assert nats_only.revive() == ()


async def test_data_ports_and_passwords_survive_a_restart(tmp_path):
    stack = Stack(tmp_path, stores=("postgres", "nats"), durable=False)
    before = stack.start()
    url = stack.create_database("a")
    connection = await asyncpg.connect(url)
    await connection.execute("create table t as select 7 as x")
    await connection.close()
    stack.stop()

    with Stack(tmp_path, stores=("postgres", "nats"), durable=False) as again:
        assert again.endpoints == before
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("select x from t") == 7
        await connection.close()


async def test_committed_data_survives_the_kill_of_a_durable_store(tmp_path):
    with Stack(tmp_path, stores=("postgres",)) as stack:
        url = stack.create_database("a")
        connection = await asyncpg.connect(url)
        await connection.execute("create table t as select 7 as x")
        connection.terminate()
        stack.kill("postgres")
        stack.revive()
        connection = await asyncpg.connect(url)
        assert await connection.fetchval("select x from t") == 7
        await connection.close()


def test_objects_survive_the_kill_of_their_store_and_are_there_when_it_is_ready(tmp_path):
    stack = Stack(tmp_path, stores=("seaweedfs",))

    def ask(method, body=b""):
        ends = stack.endpoints
        port = int(ends.s3_endpoint.rpartition(":")[2])
        return signing.request(port, method, f"/{ends.s3_bucket}/a", (ends.s3_access_key, ends.s3_secret_key), body)

    with stack:
        assert ask("PUT", b"x" * 100_000) == 200
        stack.kill("seaweedfs")
        stack.revive()
        assert ask("GET") == 200


def test_a_port_that_others_took_meanwhile_is_replaced(tmp_path):
    stack = Stack(tmp_path, stores=("nats", "valkey"))
    before = stack.start()
    stack.stop()
    with socket.socket() as other:
        other.bind((HOST, stack.ports.recorded("nats.client")))
        other.listen()
        after = stack.start()
        stack.stop()

    assert after.nats_url != before.nats_url
    assert after.redis_url == before.redis_url


@pytest.mark.parametrize("name", ["nats", "valkey", "postgres", "seaweedfs"])
def test_a_port_lost_between_choosing_and_listening_is_chosen_again(tmp_path, monkeypatch, name):
    stack = Stack(tmp_path, stores=(name,), durable=False)
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        thief, take = other.getsockname()[1], stack.ports.take
        stolen = []

        def take_stolen(port, **options):
            if not stolen:
                stolen.append(port)
                return thief
            return take(port, **options)

        monkeypatch.setattr(stack.ports, "take", take_stolen)
        with stack:
            assert stack.pids[name] is not None
    assert stolen


def test_a_store_that_cannot_start_is_named_with_its_reason_and_leaves_nothing(tmp_path):
    (tmp_path / "nats").mkdir()
    (tmp_path / "nats" / "data").write_text("a file where a folder must be")
    stack = Stack(tmp_path, stores=("nats", "valkey"))
    with pytest.raises(StoreFailed, match=r"(?s)nats did not start.*nats\.log"):
        stack.start()

    assert set(stack.pids.values()) == {None}
    (tmp_path / "nats" / "data").unlink()
    with stack:
        assert stack.pids["nats"] is not None


def test_a_full_disk_is_told_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: os.terminal_size((0, 0)) and type("Usage", (), {"free": 1 << 20})
    )
    stack = Stack(tmp_path, stores=("nats",))
    with pytest.raises(StoreFailed, match="1 MiB left"):
        stack.start()


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match="cannot be used"):
        Stack(tmp_path / "file" / "data", stores=("nats",)).start()


def test_an_unknown_store_is_refused(tmp_path):
    with pytest.raises(ValueError, match="oracle"):
        Stack(tmp_path, stores=("oracle",))


CHILD = """
import sys
from fp_devstack import Stack
stack = Stack(sys.argv[1], durable=False)
stack.start()
print(*stack.pids.values(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def orphaned(tmp_path, family):
    """Everything that a stack ran whose owner was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        stores = [int(pid) for pid in parent.stdout.readline().split()]
        everyone = [pid for store in stores for pid in family(store)]
        parent.send_signal(signal.SIGKILL)
    assert len(stores) == 4
    return everyone


def sockets():
    return {each.name for each in SOCKETS.iterdir() if each.name.startswith("seaweedfs")}


async def test_nothing_survives_the_kill_of_its_parent(tmp_path, orphaned, gone, until):
    await until(lambda: all(gone(pid) for pid in orphaned), "the end of every store")

    assert len(orphaned) > 4
    with Stack(tmp_path, durable=False) as again:
        assert None not in again.pids.values()
        ports = {str(again.ports.recorded(f"seaweedfs.{name}.grpc")) for name in ("master", "volume", "filer", "s3")}
    assert not any(port in name for port in ports for name in sockets())


async def test_a_thread_that_ends_does_not_take_its_stores_with_it(tmp_path):
    stack = Stack(tmp_path, stores=("nats",))
    thread = threading.Thread(target=stack.start)
    thread.start()
    thread.join()
    try:
        connection = await nats.connect(stack.endpoints.nats_url, connect_timeout=int(PATIENCE))
        await connection.flush()
        await connection.close()
    finally:
        stack.stop()


@pytest.fixture
def open_folder():
    """One that every user may walk to, unlike pytest's."""
    folder = Path(__file__).parents[4] / ".tmp" / f"open-{os.getpid()}"
    folder.mkdir(mode=0o711, parents=True)
    yield folder
    subprocess.run(["rm", "-rf", str(folder)], check=True)


async def test_postgres_runs_where_nobody_can_walk_to_and_where_it_cannot(tmp_path, open_folder):
    for folder in (tmp_path / "private", open_folder / "data"):
        with Stack(folder, stores=("postgres",), durable=False) as stack:
            connection = await asyncpg.connect(stack.endpoints.postgres_admin_url)
            assert await connection.fetchval("select 1") == 1
            await connection.close()
            assert folder.stat().st_mode & 0o007 in {0, 1}


async def test_a_folder_that_moves_to_another_owner_of_files_still_starts(open_folder):
    """Under root the files belong to nobody or to root, as the way to the folder allows."""
    folder = open_folder / "data"
    for mode in (0o711, 0o700, 0o711):
        open_folder.chmod(mode)
        with Stack(folder, stores=("postgres",), durable=False) as stack:
            url = stack.create_database("a")
            connection = await asyncpg.connect(url)
            await connection.execute("create table if not exists t (x int); insert into t values (1)")
            count = await connection.fetchval("select count(*) from t")
            await connection.close()

    assert count == 3


def test_nothing_is_written_outside_the_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "elsewhere"))
    (tmp_path / "elsewhere").mkdir()
    with Stack(tmp_path / "data", durable=False):
        pass

    assert list((tmp_path / "elsewhere").iterdir()) == []
