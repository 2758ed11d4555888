"""Who may import whom: the contracts of .importlinter hold here, and each fails where it should."""

import configparser
import re

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


@pytest.fixture(scope="module")
def broken(tree, plant_for_all) -> dict[str, str]:
    """What is said of each contract, by its id, where every one of them is broken. One graph of all modules for all."""
    for number, (_, path, text) in enumerate(PLANTS.values()):
        copied = plant_for_all(numbered(path, number), f"{text}\n")
    holds, report = contracts.check(copied.root)
    assert not holds
    _, _, said = report.partition("Broken contracts")
    names = {titles(tree)[contract]: contract for contract, _, _ in PLANTS.values()}
    sections = re.split(rf"^({'|'.join(map(re.escape, names))})$", said, flags=re.MULTILINE)
    return {names[name]: text.replace("\n", "") for name, text in zip(sections[1::2], sections[2::2], strict=True)}


def numbered(path: str, number: int) -> str:
    return path.replace("planted.py", f"planted_{number}.py")


def titles(tree) -> dict[str, str]:
    """The names of the contracts by their ids."""
    configuration = configparser.ConfigParser()
    configuration.read(tree.root / ".importlinter")
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): configuration[section]["name"]
        for section in configuration.sections()
        if section.startswith(prefix)
    }


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_import_breaks_its_contract(broken, name):
    contract, path, _ = PLANTS[name]
    path = numbered(path, list(PLANTS).index(name))
    module = ".".join(path.split("/src/")[1].removesuffix(".py").split("/"))

    assert re.search(rf"\b{re.escape(module)}\b", broken[contract]), broken[contract]


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
