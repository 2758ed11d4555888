"""`python -m fp_devstack.zygote REQUESTS EVENTS [MODULE...]`: started by the supervisor, with two descriptors."""

import os
import socket
import sys

from fp_devstack.zygote import child, preload
from fp_devstack.zygote.server import Server


def main() -> None:
    requests, events = int(sys.argv[1]), int(sys.argv[2])
    modules = tuple(sys.argv[3:]) or preload.shared(os.environ)
    preload.preload(modules, lambda text: print(text, file=sys.stderr))  # noqa: T201
    if preload.thread_count() != 1:
        sys.exit("the zygote has more than one thread after its imports: it cannot fork safely")
    request = Server(socket.socket(fileno=requests), events).serve()
    if request is not None:
        child.run(request)


if __name__ == "__main__":
    main()
