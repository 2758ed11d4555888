"""Write what the chart knows of each program from services.toml and deploy/topology.toml: nothing is written twice.

python tools/chart_facts.py          writes deploy/charts/forgepoint/platform.json
python tools/chart_facts.py --check  exits 1 when the committed file differs

What the file says and why: docs/decisions/0229-the-chart-is-one-set-of-templates-over-facts.md.
"""

import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fp_devstack.supervisor.placeholders import is_secret
from generated import Generated
from rules.wiring import EVERY_SERVICE

CHART = Path("deploy") / "charts" / "forgepoint"
FILE = CHART / "platform.json"
_PLATFORM = Path("deploy") / "platform" / "src" / "fp_platform" / "services.toml"
_TOPOLOGY = Path("deploy") / "topology.toml"

# A pod has an address of its own, so that every program can have the same ports.
PORTS = {"grpc": 9090, "http": 8080, "public": 8000, "link": 9100}
# Where a program has routes of its own that leave `http`, which probes ask in clear text, once all speak TLS.
TLS_PORTS = {"https": 8443}
# Below it lie the folders of a program, each a volume.
FOLDER = "/var/lib/forgepoint"
# Settings whose value is the installation's: a value of the chart stands for them.
_OF_VALUES = {"{scheme}://{front:http}": "{public_url}"}
# A file that has to outlive its pod; the others are caches.
_KEPT = ("spool/",)
_STORES = {"database": "postgres", "nats": "nats", "redis": "valkey", "s3": "s3"}
# Each URL holds the password of the service's own login.
_STORE_SECRETS = {
    "postgres": ["FP_DATABASE_URL"],
    "nats": ["FP_NATS_URL"],
    "valkey": ["FP_REDIS_URL"],
    "s3": ["FP_S3_ACCESS_KEY", "FP_S3_SECRET_KEY"],
}
# Only the supervisor of a laptop has them, or the template where there is TLS.
_NOT_HERE = {"FP_HTTPS_PORT", "FP_SUPERVISOR_SOCKET"}
_PLACEHOLDER = re.compile(r"\{(\w+)(?::([a-z_.]+))?\}")

Facts = dict[str, Any]


def render(root: Path) -> str:
    return json.dumps(facts(root), indent=2, sort_keys=True) + "\n"


def facts(root: Path) -> Facts:
    """Of every program that has pods: how it is started, what it needs, whom it calls and who calls it."""
    platform = tomllib.loads((root / _PLATFORM).read_text())
    wired = tomllib.loads((root / _TOPOLOGY).read_text())
    declared = {**platform["services"], "edge": platform["edge"], platform["runtime"]["noun"]: platform["runtime"]}
    programs = {noun: _program(noun, entry, platform) for noun, entry in sorted(declared.items())}
    for noun, program in programs.items():
        for callee, ports in _connections(noun, program, declared[noun], wired).items():
            program["calls"][callee] = sorted(ports)
            programs[callee]["callers"][noun] = sorted(ports)
    job = {name: _value(value) for name, value in sorted(platform["job"]["generated"].items())}
    return {"ports": PORTS, "folder": FOLDER, "programs": programs, "job": {"env": job}}


def _program(noun: str, entry: Mapping[str, Any], platform: Mapping[str, Any]) -> Facts:
    rpc = entry.get("rpc", True)
    settings = {**(platform["common"] if rpc else {}), **entry.get("generated", {}), **_login(noun, platform)}
    stores = [store for field, store in _STORES.items() if entry.get(field)]
    secret = {name for name, value in settings.items() if is_secret(value)}
    return {
        "module": f"fp_{noun}",
        "ports": {name: PORTS[name] for name in _ports(noun, entry, platform)},
        "tls_ports": {name: TLS_PORTS[name] for name in entry.get("ports", []) if name in TLS_PORTS},
        "env": {name: _value(value) for name, value in sorted(settings.items()) if name not in secret | _NOT_HERE}
        | {f"FP_{peer.upper()}_ADDR": f"{peer}:{PORTS['grpc']}" for peer in entry.get("peers", [])},
        "secrets": sorted(
            {*secret, *_proofs(noun, platform, rpc=rpc), *(each for it in stores for each in _STORE_SECRETS[it])}
        ),
        "stores": stores,
        # What the names of its objects begin with.
        "objects": list(entry.get("s3_prefixes", [])),
        "folders": {path: path.startswith(_KEPT) for path in entry.get("folders", [])},
        # Nothing runs it but pipeline, which starts one for each version of a model.
        "resident": noun != platform["runtime"]["noun"],
        # It runs runtimes and jobs: on a laptop by the supervisor.
        "keeper": "FP_SUPERVISOR_SOCKET" in settings,
        "calls": {},
        "callers": {},
    }


def _proofs(noun: str, platform: Mapping[str, Any], *, rpc: bool) -> Iterator[str]:
    """By which a service proves itself, and the edge proves itself to a service."""
    if rpc:
        yield "FP_SERVICE_SECRET"
    if noun in platform["edge"]["peers"]:
        yield "FP_EDGE_PROOF"


def _login(noun: str, platform: Mapping[str, Any]) -> dict[str, str]:
    login = platform["login"]
    chosen = (login[name] for name in ("email", "team", "password")) if noun == login["service"] else ()
    return {each["setting"]: each["value"] for each in chosen}


def _ports(noun: str, entry: Mapping[str, Any], platform: Mapping[str, Any]) -> Iterator[str]:
    yield from (("grpc", "http") if entry.get("rpc", True) else ("http",))
    yield from (port for port in entry.get("ports", []) if port in PORTS)
    if noun == platform["runtime"]["noun"]:
        yield "link"


def _value(text: str) -> str:
    """With what a cluster has in place of a laptop's addresses and folders."""
    text = _OF_VALUES.get(text, text)

    def put(match: re.Match[str]) -> str:
        kind, (owner, _, port) = match[1], (match[2] or "").partition(".")
        address = f"{owner}:{PORTS.get(port)}"
        values = {
            "folder": FOLDER,
            "address": address,
            "url": f"http://{address}",
            "port": str(PORTS.get(port)),
            "front_host": "0.0.0.0",
            "front": f"edge:{PORTS['public']}",
        }
        return values.get(kind, match[0])

    return _PLACEHOLDER.sub(put, text)


def _connections(noun: str, program: Facts, entry: Mapping[str, Any], wired: Mapping[str, Any]) -> dict[str, set[str]]:
    """Ports by program: of RPCs those that the code calls, of HTTP those that a setting names."""
    found: dict[str, set[str]] = {}
    own = wired.get(noun, {}).get("calls", [])
    shared = wired.get(EVERY_SERVICE, {}).get("calls", []) if entry.get("rpc", True) else []
    called = {call.partition(".")[0] for call in (*own, *shared)} - {noun}
    # What passes the calls of others through calls whom it has the address of.
    passed = set(entry.get("peers", [])) if entry.get("edge") else set()
    for callee in (called & {*entry.get("peers", []), "serving"}) | passed:
        found.setdefault(callee, set()).add("grpc")
    if noun == "inference":
        found.setdefault("serving", set()).add("link")
    for value in program["env"].values():
        for owner, number in re.findall(r"(?:^|//)([a-z]+):(\d+)", value):
            port = next(name for name, each in PORTS.items() if str(each) == number)
            # An address alone opens nothing: the topology says who calls.
            if owner != noun and port != "grpc":
                found.setdefault(owner, set()).add(port)
    return found


_GENERATED = Generated(FILE, render, "chart_facts")
is_current = _GENERATED.is_current

if __name__ == "__main__":
    sys.exit(_GENERATED.main())
