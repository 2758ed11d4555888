"""`python -m fp_devstack.compose > .env`: passwords for the containers of docker-compose.yaml."""

import secrets
import sys

NAMES = (
    "FP_POSTGRES_PASSWORD",
    "FP_DATABASE_PASSWORD",
    "FP_NATS_PASSWORD",
    "FP_VALKEY_PASSWORD",
    "FP_S3_SECRET_KEY",
    "FP_SEAWEEDFS_KEY",
)


def environment() -> str:
    """One line a name. Letters and digits only: some servers read the value as part of a configuration language."""
    return "".join(f"{name}=fp{secrets.token_hex(24)}\n" for name in NAMES)


if __name__ == "__main__":
    sys.stdout.write(environment())
