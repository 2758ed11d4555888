"""Certificates of an installation on Kubernetes whose cluster has no cert-manager, for `tls.enabled` of the chart.

python -m fp_devstack.hosted.certificates --folder FOLDER --host HOST | kubectl apply --namespace forgepoint -f -

and with `--program serving` in the namespace of runtimes, with `--program jobs` in that of jobs. The folder keeps the
authority and its key. They last for 90 days: a call in the last 30 renews them, and pods take them while they run.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fp_kernel import Clock, SystemClock

from fp_devstack.files import make_data_folder
from fp_devstack.supervisor.catalog import EDGE, RUNTIME, SERVICES
from fp_devstack.tls.local import STORE_LASTS, LocalCertificates, Wanted

_NOUNS: Final = (*(service.noun for service in (*SERVICES, EDGE)), RUNTIME.noun)
# They get the authority alone.
_JOBS: Final = "jobs"


def manifests(folder: Path, prefix: str, host: str, clock: Clock, program: str = "") -> Iterator[dict[str, object]]:
    """Secrets of Kubernetes. host: by which the world reaches the edge. program: of this one alone; without it of all
    that are in the namespace of the services.
    """
    hosts = {EDGE.noun: (host,)}
    made = LocalCertificates(folder, [Wanted(noun, hosts.get(noun, ()), STORE_LASTS) for noun in _NOUNS], clock)
    made.renew()
    for noun in _NOUNS:
        if program == noun or (not program and noun != RUNTIME.noun):
            files = made.files(noun)
            pair = {file.name: file.read_text() for file in (files.certificate, files.key, files.authority)}
            yield _secret(f"{prefix}{noun}", "kubernetes.io/tls", pair)
    if program == _JOBS:
        yield _secret(f"{prefix}{_JOBS}", "Opaque", {made.authority.name: made.authority.read_text()})


def _secret(name: str, kind: str, values: dict[str, str]) -> dict[str, object]:
    metadata = {"name": name, "labels": {"app.kubernetes.io/part-of": "forgepoint"}}
    return {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": metadata, "stringData": values}


def main() -> None:
    parser = argparse.ArgumentParser(prog="fp_devstack.hosted.certificates", description="Prints secrets for kubectl.")
    parser.add_argument("--folder", type=Path, required=True, help="where they are kept")
    parser.add_argument("--host", required=True, help="of the chart's publicUrl")
    parser.add_argument("--prefix", default="forgepoint-tls-", help="of the names, as the chart's tls.secretPrefix")
    parser.add_argument("--program", default="", metavar="NOUN", help="of this one alone: serving, jobs")
    arguments = parser.parse_args()
    make_data_folder(arguments.folder)
    found = manifests(arguments.folder, arguments.prefix, arguments.host, SystemClock(), arguments.program)
    json.dump({"apiVersion": "v1", "kind": "List", "items": list(found)}, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
