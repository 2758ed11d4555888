"""The figures that the README and the pages name, each with its limit."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from fp_rpc import BearerToken, Channels
from fp_supervisor import SupervisorClient
from fp_supervisor.launch import SOCKET
from platform_client import Client, deploy_linear, fp

pytestmark = pytest.mark.proof
ROOT = Path(__file__).parents[2]
MEBIBYTE = 2**20
MEGABYTES = 1e6


def test_ten_services_are_ready_within_ten_seconds_on_a_warm_disk_and_small_when_idle(tmp_path):
    environment = {"FP_DATA": str(tmp_path / "data")}
    assert fp("up", home=tmp_path, env=environment).returncode == 0
    try:
        asyncio.run(deploy(tmp_path / "data"))
        assert fp("down", home=tmp_path, env=environment).returncode == 0
        started = time.monotonic()
        assert fp("up", home=tmp_path, env=environment).returncode == 0
        seconds = time.monotonic() - started
        # Idle means that caches and pools have settled.
        time.sleep(10)
        status = json.loads(fp("-o", "json", "status", home=tmp_path, env=environment).stdout)
        resident = {
            process["name"] if process["kind"] == "service" else "runtime": rss_mebibytes(process["pid"])
            for process in status["processes"]
            if process["kind"] in {"service", "runtime"}
        }
    finally:
        fp("down", home=tmp_path, env=environment)
    # Shares of what processes have in common: resident, the same pages of the zygote would count ten times.
    services = status["services_bytes"] / MEGABYTES
    print(f"\nfp up on a warm disk: {seconds:.1f} s; services and edge {services:.0f} MB PSS")
    print({name: round(mebibytes) for name, mebibytes in resident.items()})
    assert len(resident) == 12  # nine services, the gateway, the edge and a runtime; the tenth service is one a model
    assert seconds < 10
    assert services < 400
    # A runtime holds ONNX Runtime, numpy and its model above what every service has (30 MiB with the smallest model).
    runtime = resident.pop("runtime")
    assert max(resident.values()) < 100
    assert runtime < 100 + 30


def rss_mebibytes(pid):
    return psutil.Process(pid).memory_info().rss / MEBIBYTE


async def deploy(folder):
    access = await SupervisorClient(folder / SOCKET).access()
    anonymous = Channels(None)
    token = await Client(anonymous.open(access.address, timeout=30)).login(access.email, access.password)
    await anonymous.close()
    admin = Channels(BearerToken(token))
    await deploy_linear(Client(admin.open(access.address, timeout=30)))
    await admin.close()


def test_help_is_quick(tmp_path):
    command = [sys.executable, "-m", "fp_cli", "--help"]
    subprocess.run(command, capture_output=True, check=True)
    times = []
    for _ in range(5):
        started = time.monotonic()
        subprocess.run(command, capture_output=True, check=True)
        times.append(time.monotonic() - started)
    print(f"\nfp --help: {min(times):.2f} s")
    assert min(times) < 0.3


@pytest.mark.parametrize(("name", "least"), [("event_path", 0.5), ("rpc_overhead", 0.6)])
def test_a_benchmark_holds_against_its_floor(name, least):
    result = subprocess.run(
        [sys.executable, f"bench/{name}.py"], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 0, result.stderr
    figures = json.loads(result.stdout.splitlines()[-1])
    print(f"\n{figures}")
    assert figures["floor_ratio"] >= least
