"""`python -m fp_events.provisioning`: make every declared stream and durable, with the FP_NATS_URL of the operator and,
where NATS speaks TLS, FP_NATS_CA_FILE. FP_NATS_REPLICAS: of each stream that it makes, 1 unless NATS is a cluster;
those that are there keep theirs.
"""

import asyncio
import os
import sys
from pathlib import Path

from fp_kernel import Error

from fp_events import CONSUMERS, STREAMS, connect


async def provision(url: str, ca_file: Path | None = None, *, replicas: int = 1) -> None:
    """Raises Unavailable when the bus does not answer."""
    bus = await connect(url, name="fp", ca_file=ca_file, replicas=replicas)
    try:
        await bus.ensure(STREAMS, CONSUMERS)
    finally:
        await bus.close()


def main() -> int:
    ca_file = os.environ.get("FP_NATS_CA_FILE")
    try:
        replicas = int(os.environ.get("FP_NATS_REPLICAS") or 1)
        asyncio.run(provision(os.environ["FP_NATS_URL"], Path(ca_file) if ca_file else None, replicas=replicas))
    except Error as error:
        sys.stderr.write(f"streams: not made: {error.message}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
