"""Every secret of an installation on Kubernetes: logins at the stores, keys and credentials.

python -m fp_devstack.hosted.logins --folder FOLDER [--prefix forgepoint-] [--external] | kubectl apply -f -
python -m fp_devstack.hosted.logins --folder FOLDER --program serving | kubectl apply --namespace fp-runtimes -f -
python -m fp_devstack.hosted.logins --folder FOLDER --operators | kubectl apply -f -

The folder keeps them, so that a second call gives the same ones; whoever reads it may do everything. --external: stores
of somebody else, whose URLs and keys are added by hand (deploy/charts/README.md). --operators: also what CloudNativePG
and NATS's own chart take of the same logins (deploy/charts/stores/values-replicated.yaml, nats.yaml).
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from fp_supervisor.loopback import RECORD

from fp_devstack.files import make_data_folder
from fp_devstack.hosted.places import PLACES
from fp_devstack.ports import Ports
from fp_devstack.secrets_file import Secrets
from fp_devstack.stores import nats, postgres, seaweedfs, valkey
from fp_devstack.supervisor.catalog import EDGE, OPERATOR, RUNTIME, SERVICES, Service, accesses
from fp_devstack.supervisor.environment import Environments

# In the secret of a store's pod.
FILE = "secrets.json"


def of_programs(folder: Path, *, external: bool = False) -> dict[str, dict[str, str]]:
    """Variables by program, the operator among them."""
    secrets = Secrets(folder / FILE)
    services = (*SERVICES, EDGE)
    environments = Environments(folder, Ports(folder / RECORD), secrets, services, outer={})
    found = {service.noun: environments.secrets_of(service) for service in (*services, RUNTIME)}
    if not external:
        for service in services:
            found[service.noun] |= dict(_logins(service, secrets))
        found[OPERATOR] = {"FP_NATS_URL": _nats_url(OPERATOR, secrets)}
    return found


def of_stores(folder: Path) -> dict[str, dict[str, str]]:
    """Passwords by Service: what each store has to know, and nothing of the others."""
    secrets = Secrets(folder / FILE)
    return {service: {name: secrets.token(name) for name in names} for service, names in _names().items()}


def of_operators(folder: Path) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Name, type and content: a role of Postgres each, and the users of NATS with their rights, as it is configured."""
    secrets = Secrets(folder / FILE)
    for service in SERVICES:
        if service.database:
            login = {"username": f"fp_{service.noun}", "password": secrets.token(f"database.{service.noun}")}
            yield f"postgres-{service.noun}", "kubernetes.io/basic-auth", login
    users = [nats.user(nats.USER, secrets.token(nats.PASSWORD))]
    users += [
        nats.user(noun, secrets.token(f"nats.{noun}"), access.nats)
        for noun, access in sorted(accesses(SERVICES).items())
        if access.nats
    ]
    yield "nats-users", "Opaque", {"users.conf": f"authorization {{ users: [{', '.join(users)}] }}\n"}


def _names() -> Mapping[str, tuple[str, ...]]:
    users = accesses(SERVICES)
    signing = map(seaweedfs.signing_key, seaweedfs.SIGNING_KEYS)
    return {
        "postgres": (postgres.PASSWORD, *(f"database.{each.noun}" for each in SERVICES if each.database)),
        "nats": (nats.PASSWORD, *(f"nats.{noun}" for noun, access in users.items() if access.nats)),
        "valkey": (valkey.PASSWORD, *(f"valkey.{noun}" for noun, access in users.items() if access.redis)),
        "s3": (
            seaweedfs.PASSWORD,
            *signing,
            *(f"s3.{noun}" for noun, access in users.items() if access.s3_prefixes is not None),
        ),
    }


def _logins(service: Service, secrets: Secrets) -> Iterator[tuple[str, str]]:
    noun = service.noun
    if service.database:
        role = f"fp_{noun}"
        password = secrets.token(f"database.{noun}")
        yield "FP_DATABASE_URL", f"postgresql://{role}:{password}@{PLACES['postgres'].address}/{role}"
    if service.nats:
        yield "FP_NATS_URL", _nats_url(noun, secrets)
    if service.redis:
        yield "FP_REDIS_URL", f"redis://{noun}:{secrets.token(f'valkey.{noun}')}@{PLACES['valkey'].address}/0"
    if service.s3:
        yield "FP_S3_ACCESS_KEY", noun
        yield "FP_S3_SECRET_KEY", secrets.token(f"s3.{noun}")


def _nats_url(user: str, secrets: Secrets) -> str:
    return f"nats://{user}:{secrets.token(f'nats.{user}')}@{PLACES['nats'].address}"


def manifests(
    folder: Path, prefix: str, *, external: bool = False, program: str = "", operators: bool = False
) -> Iterator[dict[str, object]]:
    """Objects of Kubernetes. program: only the one of this program, for a namespace of its own."""
    for owner, kind, values in of_operators(folder) if operators else ():
        yield {**_secret(f"{prefix}{owner}", values), "type": kind}
    found = of_programs(folder, external=external)
    if not external:
        found |= {
            service: {FILE: json.dumps(passwords, sort_keys=True)} for service, passwords in of_stores(folder).items()
        }
    for owner, values in sorted(found.items()):
        if program not in {"", owner}:
            continue
        yield _secret(f"{prefix}{owner}", values)


def _secret(name: str, values: Mapping[str, str]) -> dict[str, object]:
    metadata = {"name": name, "labels": {"app.kubernetes.io/part-of": "forgepoint"}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(values)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="fp_devstack.hosted.logins", description="Prints secrets for kubectl.")
    parser.add_argument("--folder", type=Path, required=True, help="where they are kept")
    parser.add_argument("--prefix", default="forgepoint-", help="of the names, as the chart's secrets.prefix")
    parser.add_argument("--external", action="store_true", help="without logins at the stores")
    parser.add_argument("--operators", action="store_true", help="also for CloudNativePG and NATS's own chart")
    parser.add_argument("--program", default="", metavar="NOUN", help="of this one alone")
    arguments = parser.parse_args()
    make_data_folder(arguments.folder)
    chosen = {"external": arguments.external, "program": arguments.program, "operators": arguments.operators}
    objects = list(manifests(arguments.folder, arguments.prefix, **chosen))
    json.dump({"apiVersion": "v1", "kind": "List", "items": objects}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
