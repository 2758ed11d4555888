"""What the programs of the chart say of the settings that they get there."""

import base64
import importlib
import json
from pathlib import Path

import chart_facts
from fp_kernel import Error
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[2]
FACTS = json.loads((ROOT / chart_facts.FILE).read_text())["programs"]
KEY = base64.b64encode(bytes(32)).decode()
PROOFS = ",".join(f"{noun}=the-proof-of-{noun}" for noun in FACTS["edge"]["calls"])
# What a secret holds, as its program wants it.
SECRETS = {
    "FP_AUTH_AUDIT_KEY": KEY,
    "FP_AUTH_BOOTSTRAP_PASSWORD": "a password",
    "FP_AUTH_KEY_ENCRYPTION_KEY": KEY,
    "FP_AUTH_SERVICE_CREDENTIALS": f"billing={'0' * 64}",
    "FP_DATABASE_URL": "postgresql://user:password@postgres/database",
    "FP_EDGE_PROOF": "a proof of the edge",
    "FP_EDGE_PROOFS": PROOFS,
    "FP_NATS_URL": "nats://user:password@nats:4222",
    "FP_NOTIFICATION_SIGNING_KEY": KEY,
    "FP_REDIS_URL": "redis://user:password@valkey:6379/0",
    "FP_S3_ACCESS_KEY": "access",
    "FP_S3_SECRET_KEY": "secret",
    "FP_SERVICE_SECRET": "a credential of the service",
}


def settings_of(noun):
    module = importlib.import_module(f"fp_{noun}.settings")
    classes = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, BaseSettings)]
    [own] = [each for each in classes if each.__module__ == module.__name__]
    return own


def refused_settings(noun, environment):
    """Names of the environment that the program does not know, and what it says of the rest."""
    own = settings_of(noun)
    fields = {f"FP_{name}".upper() for name in own.model_fields}
    found = sorted(set(environment) - fields)
    try:
        own(**{name.removeprefix("FP_").lower(): value for name, value in environment.items() if name in fields})
    except (ValueError, Error) as error:
        found.append(str(error))
    return found
