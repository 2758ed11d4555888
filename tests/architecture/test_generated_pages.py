"""docs/permissions.md, deploy/topology.toml and subjects.toml say what the protos and the code say."""

import permissions
import pytest
import subjects
import topology

AUTH = "services/auth/src/fp_auth"
REGISTRY_PROTO = "proto/forgepoint/registry/v1/registry.proto"


def test_the_page_of_permissions_is_current(tree):
    assert permissions.is_current(tree.root), "run: python tools/permissions.py"


def test_the_topology_is_current(tree):
    assert topology.is_current(tree.root), "run: python tools/topology.py"


def test_the_rights_at_nats_are_current(tree):
    assert subjects.is_current(tree.root), "run: python tools/subjects.py"


@pytest.mark.parametrize("lacking", ["fp.models.drift.detected", "fp.pipelines.completed", "fp.auth.apikey.*"])
def test_a_topology_that_lacks_a_subject_makes_the_rights_at_nats_stale(copied, lacking):
    (copied.root / topology.FILE).write_text(topology.render(copied.root))
    (copied.root / subjects.FILE).parent.mkdir(parents=True, exist_ok=True)
    (copied.root / subjects.FILE).write_text(subjects.render(copied.root))
    assert subjects.is_current(copied.root)

    whole = (copied.root / topology.FILE).read_text()
    (copied.root / topology.FILE).write_text(whole.replace(f'    "{lacking}",\n', ""))

    assert not subjects.is_current(copied.root)


def test_a_changed_option_makes_the_page_of_permissions_stale(plant, copied):
    before = (copied.root / REGISTRY_PROTO).read_text()
    (copied.root / permissions.PAGE).write_text(permissions.render(copied.root))
    assert permissions.is_current(copied.root)

    plant(REGISTRY_PROTO, before.replace('"models:write"', '"models:read"', 1))

    assert not permissions.is_current(copied.root)


PLANTS = {
    "a new call of a peer": (
        "adapters/planted.py",
        "from forgepoint.billing.v1.billing_pb2_grpc import BillingServiceStub\nBillingServiceStub(c).GetUsage(r)\n",
        '"billing.GetUsage"',
    ),
    "a call by path": (
        "adapters/planted.py",
        'SERVICE = "/forgepoint.billing.v1.BillingService/"\nUSAGE = SERVICE + "ListInvoices"\n',
        '"billing.ListInvoices"',
    ),
    "a new event": ("adapters/planted/events.py", 'PLANTED = "fp.auth.planted"\n', '"fp.auth.planted"'),
    "a new consumer": (
        "api/planted.py",
        'SUBJECTS = ("fp.billing.>",)\nPLANTED = Consumer("auth-planted", SUBJECTS)\n',
        '"fp.billing.>"',
    ),
    "a new broadcast": ("api/planted.py", 'P = Broadcast("auth", ("fp.billing.quota.*",))\n', '"fp.billing.quota.*"'),
    "a new reaction": (
        "api/planted/consumers.py",
        'TABLE = {"fp.experiments.run.created": None}\n',
        '"fp.experiments.run.created"',
    ),
    "a new store": ("planted.py", "class Settings(ServiceSettings, RedisSettings):\n    pass\n", '"redis"'),
}


@pytest.fixture(scope="module")
def unplanted(copied):
    return topology.render(copied.root)


@pytest.mark.parametrize(("path", "text", "entry"), PLANTS.values(), ids=PLANTS)
def test_changed_code_changes_the_topology(plant, copied, unplanted, path, text, entry):
    plant(f"{AUTH}/{path}", text)

    changed = topology.render(copied.root)
    assert changed != unplanted
    assert entry in changed.partition("[auth]")[2].partition("\n[")[0]
    assert entry not in unplanted.partition("[auth]")[2].partition("\n[")[0]


def test_another_text_of_the_topology_is_stale(copied, unplanted):
    (copied.root / topology.FILE).write_text(unplanted)
    assert topology.is_current(copied.root)
    (copied.root / topology.FILE).write_text(unplanted + "\n")
    assert not topology.is_current(copied.root)


def test_what_is_only_talked_about_is_not_wired(plant, copied, unplanted):
    plant(
        f"{AUTH}/app/planted.py", '"""Acts when fp.billing.planted.thing comes."""\nTEXT = "fp.billing.planted.thing"\n'
    )

    assert topology.render(copied.root) == unplanted
