"""Who may import whom: the contracts of .importlinter hold here, and each fails where it should."""

import configparser

import contracts
import pytest

AUTH = "services/auth/src/fp_auth"

PLANTS = {
    "a service that imports another": ("services-independent", f"{AUTH}/adapters/planted.py", "import fp_registry"),
    "a library that imports a service": ("libs-below-services", "libs/rpc/src/fp_rpc/planted.py", "import fp_auth"),
    "a command that imports a service": ("libs-below-services", "cli/src/fp_cli/planted.py", "import fp_auth.domain"),
    "a service that imports the testkit": ("tests-apart", f"{AUTH}/adapters/planted.py", "import fp_testkit.clock"),
    "a domain that imports a driver": ("domain-pure", f"{AUTH}/domain/planted.py", "import asyncpg"),
    "a domain that imports a library": ("domain-pure", f"{AUTH}/domain/planted.py", "from fp_events import Event"),
    "a domain that imports its adapters": ("domain-pure", f"{AUTH}/domain/planted.py", "import fp_auth.adapters"),
    "a domain that imports late": ("domain-pure", f"{AUTH}/domain/planted.py", "def f():\n    import asyncpg"),
    "a kernel that imports a package": ("kernel-pure", "libs/kernel/src/fp_kernel/planted.py", "import pydantic"),
    "a use-case that imports a driver": ("drivers-in-adapters", f"{AUTH}/app/planted.py", "import redis.asyncio"),
    "a use-case that imports generated code": (
        "generated-code-at-the-edges", f"{AUTH}/app/planted.py", "from forgepoint.auth.v1 import auth_pb2",
    ),
    "settings that import generated code": (
        "generated-code-at-the-edges", f"{AUTH}/planted.py", "import forgepoint.auth.v1.auth_pb2",
    ),
    "a use-case that imports its api": ("layers-api", f"{AUTH}/app/planted.py", "import fp_auth.api"),
    "a use-case that imports an adapter": ("layers-adapters", f"{AUTH}/app/planted.py", "import fp_auth.adapters"),
    "an adapter that imports main": ("layers-adapters", f"{AUTH}/adapters/planted.py", "import fp_auth.main"),
    "a library that imports one above it": (
        "layers-libs", "libs/telemetry/src/fp_telemetry/planted.py", "import fp_rpc",
    ),
    "a server that imports the client": (
        "layers-rpc", "libs/rpc/src/fp_rpc/server/planted.py", "import fp_rpc.client.channels",
    ),
}  # fmt: skip


def test_the_contracts_are_kept(tree):
    holds, report = contracts.check(tree.root)

    assert holds, report


@pytest.mark.parametrize(("contract", "path", "text"), PLANTS.values(), ids=PLANTS)
def test_a_planted_import_breaks_its_contract(plant, contract, path, text):
    module = ".".join(path.split("/src/")[1].removesuffix(".py").split("/"))

    holds, report = contracts.check(plant(path, f"{text}\n").root, contract)

    assert not holds
    assert module in report.replace("\n", ""), report


def test_every_member_is_under_contract(tree):
    configuration = configparser.ConfigParser()
    configuration.read(tree.root / ".importlinter")

    def listed(section: str, option: str) -> set[str]:
        return set(configuration[section][option].split())

    services = {f"fp_{noun}" for noun in tree.services()}
    assert listed("importlinter", "root_packages") == {*tree.packages(), "forgepoint"}
    assert listed("importlinter:contract:services-independent", "modules") == services
    assert listed("importlinter:contract:libs-below-services", "forbidden_modules") == services
    for contract in ("layers-api", "layers-adapters"):
        # The gateway has no business logic and therefore no layers.
        assert listed(f"importlinter:contract:{contract}", "containers") == services - {"fp_gateway"}
