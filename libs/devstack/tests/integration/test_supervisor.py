"""Services, stores and the supervisor itself."""

import asyncio
import json
import os
import signal
import socket
import stat

import asyncpg
import nats
import psutil
import pytest
from fp_kernel.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, NotFound, Unavailable
from fp_supervisor import ProcessSpec, ProcessState, SupervisorClient, launch, unix_path
from fp_testkit.patience import PATIENCE


@pytest.fixture(scope="module")
def running(standing):
    """Found well, and left so."""
    return standing({"noun": "alpha", "module": "dummy_service", "nats": True})


async def test_a_service_runs_with_the_environment_of_its_noun(house, alpha, ask):
    running = house(
        alpha | {"database": True, "nats": True, "peers": ["beta"]}, {"noun": "beta", "module": "dummy_service"}
    )
    await running.up(AWS_SECRET_ACCESS_KEY="mine", FP_LOG_LEVEL="DEBUG")
    environment = ask((await running.process("alpha")).addresses["http"])["environment"]
    beta = await running.process("beta")

    assert environment["FP_BETA_ADDR"] == beta.addresses["grpc"]
    assert environment["FP_LOG_LEVEL"] == "DEBUG"
    assert "AWS_SECRET_ACCESS_KEY" not in environment
    assert "PYTHONPATH" not in environment
    connection = await asyncpg.connect(environment["FP_DATABASE_URL"])
    assert await connection.fetchval("select current_user") == "fp_alpha"
    await connection.close()
    await (await nats.connect(environment["FP_NATS_URL"], connect_timeout=int(PATIENCE))).close()


async def test_status_tells_pid_readiness_memory_and_addresses_of_everything(running):
    status = await running.client.status()
    by_name = {each.name: each for each in status.processes}

    assert set(by_name) == {"supervisor", "zygote", "nats", "alpha"}
    assert all(each.pid and each.memory_bytes > 1 << 20 for each in status.processes)
    assert {each.state for each in status.processes} == {ProcessState.READY}
    assert set(by_name["alpha"].addresses) == {"grpc", "http"}


async def test_a_service_that_dies_is_started_again_on_its_port(house, alpha, until):
    running = house(alpha)
    await running.up()
    before = await running.process("alpha")
    os.kill(before.pid, signal.SIGKILL)

    async def back():
        now = await running.process("alpha")
        return now if now.state is ProcessState.READY and now.pid != before.pid else None

    after = await until(back, "the restart")
    assert after.restarts == 1
    assert after.addresses == before.addresses


async def test_a_service_that_cannot_start_is_tried_with_back_off_and_tells_why(house, until):
    running = house({"noun": "broken", "module": "no_such_module"})
    with pytest.raises(DeadlineExceeded):
        await running.up(seconds=0.0)

    async def tried():
        now = await running.process("broken")
        return now if now.restarts >= 2 else None

    now = await until(tried, "the second restart")
    assert "exit code 1" in now.problem
    assert "no_such_module" in now.problem
    with pytest.raises(DeadlineExceeded, match="broken"):
        await running.client.wait_ready(0.0)


async def test_a_service_that_is_not_ready_is_not_called_ready(house, alpha, until):
    running = house(alpha | {"defaults": {"FP_NEVER_READY": "1"}})
    with pytest.raises(DeadlineExceeded):
        await running.up(seconds=0.0)

    async def runs():
        return (await running.process("alpha")).pid

    await until(runs, "its process")
    with pytest.raises(DeadlineExceeded, match="alpha"):
        await running.client.wait_ready(0.5)


async def test_nothing_survives_the_kill_of_the_supervisor_and_the_next_one_has_the_same_ports(house, alpha):
    running = house(alpha | {"database": True, "nats": True, "redis": True, "s3": True})
    before = {each.name: each.addresses for each in (await running.up()).processes}
    pids = await running.die()
    after = {each.name: each.addresses for each in (await running.up()).processes}

    assert len(pids) > 8
    assert after == before


async def test_down_leaves_nothing_running(house, alpha, family, gone, until):
    running = house(alpha | {"nats": True})
    await running.up()
    pids = family(running.pid)

    assert await running.down()
    await until(lambda: all(gone(pid) for pid in pids), "the end of everything")
    assert not (running.folder / "supervisor.sock").exists()
    assert not await running.down()
    assert "dummy ends" in (running.folder / "logs" / "alpha.log").read_text()


async def test_a_signal_ends_the_supervisor_as_down_does(house, alpha, family, gone, until):
    running = house(alpha)
    await running.up()
    pids = family(running.pid)
    os.kill(running.pid, signal.SIGTERM)

    await until(lambda: all(gone(pid) for pid in pids), "the end of everything")


async def test_a_folder_has_one_supervisor(running):
    assert not await launch.ensure(running.folder)
    assert launch.is_running(running.folder)


async def test_ports_and_addresses_are_the_same_after_down_and_up(house, alpha):
    running = house(alpha)
    before = {each.name: each.addresses for each in (await running.up()).processes}
    await running.down()

    assert {each.name: each.addresses for each in (await running.up()).processes} == before


async def test_a_store_that_dies_is_started_again(house, alpha, until):
    running = house(alpha | {"nats": True})
    await running.up()
    before = await running.process("nats")
    os.kill(before.pid, signal.SIGKILL)

    async def back():
        now = await running.process("nats")
        return now if now.pid not in {None, before.pid} else None

    after = await until(back, "the store's return")
    assert (after.restarts, after.addresses) == (1, before.addresses)


async def test_services_come_back_when_the_zygote_dies(house, alpha, until):
    running = house(alpha)
    await running.up()
    before = await running.process("alpha")
    os.kill((await running.process("zygote")).pid, signal.SIGKILL)

    async def back():
        now = await running.process("alpha")
        return now if now.state is ProcessState.READY and now.pid != before.pid else None

    assert (await until(back, "the services' return")).addresses == before.addresses


async def test_a_restart_gives_a_new_process(house, alpha, until):
    running = house(alpha)
    await running.up()
    before = await running.process("alpha")
    await running.client.restart("alpha")

    async def back():
        return (await running.process("alpha")).pid not in {None, before.pid}

    await until(back, "the new process")
    with pytest.raises(NotFound):
        await running.client.restart("omega")


async def test_a_store_that_cannot_start_ends_the_supervisor_with_its_reason(house, alpha, until):
    running = house(alpha | {"nats": True})
    running.folder.mkdir(mode=0o711)
    (running.folder / "nats").mkdir()
    (running.folder / "nats" / "data").write_text("")
    with pytest.raises((Unavailable, DeadlineExceeded)):
        await running.up()
    await until(lambda: not launch.is_running(running.folder), "the end of the supervisor")

    assert "nats did not start" in (running.folder / "logs" / "supervisor.log").read_text()


async def test_a_supervisor_that_does_not_start_tells_its_caller_why(house, tmp_path):
    catalog = tmp_path / "c.json"
    catalog.write_text("nonsense")
    with pytest.raises(FailedPrecondition, match="no list of services"):
        await launch.ensure(tmp_path / "data", options=("--catalog", str(catalog)))
    with pytest.raises(FailedPrecondition, match="unknown services omega"):
        await launch.ensure(tmp_path / "data", options=("--services", "omega"))


async def test_the_socket_is_private_and_its_path_may_be_long(house, alpha, tmp_path):
    running = house(alpha)
    running.folder = tmp_path.joinpath(*["a_folder_with_a_long_name"] * 8)
    running.client = SupervisorClient(running.folder / launch.SOCKET)
    await running.up()

    assert stat.S_IMODE((running.folder / "supervisor.sock").stat().st_mode) == 0o600
    assert (await running.client.status()).ready


async def test_a_request_that_is_none_is_answered_by_an_error_and_the_next_one_is_served(running):
    with unix_path.address(running.folder / "supervisor.sock") as address:
        reader, writer = await asyncio.open_unix_connection(address)
    for line in (
        b"{}",
        b"nonsense",
        b"[]",
        b'{"operation": "explode"}',
        b'{"operation": ["job"]}',
        b'{"operation": "job"}',
    ):
        writer.write(line + b"\n")
        assert b"INVALID_ARGUMENT" in await reader.readline()
    writer.write(b'{"operation": "status"}\n')
    assert b'"result"' in await reader.readline()
    writer.close()


async def test_no_supervisor_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match="no supervisor"):
        await SupervisorClient(tmp_path / "supervisor.sock").status()


async def test_access_tells_the_first_admin_and_the_addresses(house):
    running = house({"noun": "gateway", "module": "dummy_service", "nats": True, "ports": ["public"]})
    await running.up(FP_AUTH_BOOTSTRAP_EMAIL="me@example.org")
    access = await running.client.access()
    gateway = await running.process("gateway")

    assert access.email == "me@example.org"
    assert len(access.password) > 12
    assert access.address == gateway.addresses["grpc"]
    assert access.http_address == gateway.addresses["public"]
    assert access.nats_url.startswith("nats://")


async def test_processes_are_named_after_what_they_are(running):
    assert psutil.Process((await running.process("alpha")).pid).name() == "fp-alpha"


async def test_the_environment_of_a_spec_is_checked(running):
    with pytest.raises(InvalidArgument) as caught:
        await running.client.start_job("j", ProcessSpec("dummy_job", {"LD_PRELOAD": "x"}))
    assert caught.value.fields[0].field == "environment.LD_PRELOAD"


async def test_the_log_of_a_store_is_bounded_while_the_store_runs(running, until):
    store = (await running.process("nats")).pid
    log = running.folder / "logs" / "nats.log"
    with log.open("ab") as file:
        file.write(b"noise\n" * 3_000_000)
    await until(lambda: log.with_name("nats.log.1").exists() and log.stat().st_size < 1_000_000, "the cut")

    port = int(json.loads((running.folder / "ports.json").read_text())["nats.client"])
    with socket.create_connection(("127.0.0.1", port)) as stranger:
        stranger.sendall(b'CONNECT {"user": "nobody", "pass": "x"}\r\n')
        await until(lambda: b"authentication error" in log.read_bytes(), "a line of the store")
    assert (await running.process("nats")).pid == store


async def test_every_address_in_clear_text_is_refused_by_name(tmp_path):
    with pytest.raises(FailedPrecondition, match="does not listen on every address in clear text: give --tls"):
        await launch.ensure(tmp_path / "house", options=["--public"])
    assert not launch.is_running(tmp_path / "house")
