"""One store as the program of a pod: `python -m fp_devstack.hosted SERVICE`.

FP_STORE_FOLDER: where its data lie. FP_STORE_SECRETS: the file of its passwords. FP_HTTP_PORT: where /readyz is asked.
"""

import os
import signal
import sys
import threading
from pathlib import Path

from fp_devstack.failures import StoreFailed
from fp_devstack.hosted.places import PLACES
from fp_devstack.hosted.pod import Pod


def main() -> None:
    if len(sys.argv) != 2 or sys.argv[1] not in PLACES:  # noqa: PLR2004 -- the program and one argument
        sys.exit(f"usage: python -m fp_devstack.hosted {'|'.join(PLACES)}")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    settings = os.environ
    pod = Pod(PLACES[sys.argv[1]], Path(settings["FP_STORE_FOLDER"]), Path(settings["FP_STORE_SECRETS"]))
    try:
        pod.run(int(settings["FP_HTTP_PORT"]), ended)
    except StoreFailed as failed:
        sys.exit(str(failed))


if __name__ == "__main__":
    main()
