"""`python noted_service.py NOTES MODULE`: the module as a program, which notes each call that reaches it.

A line a call, before anything is done for it: its correlation id, its method, and how often the caller's channel had
sent it before. What is written survives `kill -9`.
"""

import os
import runpy
import sys
from typing import Any

from fp_rpc import headers
from fp_rpc.server.interceptor import Interceptor


def main(notes: str, module: str) -> None:
    file = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    admit = Interceptor._admit

    async def noted(self: Interceptor, call: Any) -> None:
        attempt = call.metadata.get(headers.PREVIOUS_ATTEMPTS, "0")
        os.write(file, f"{call.correlation_id} {call.rpc.path} {attempt}\n".encode())
        await admit(self, call)

    Interceptor._admit = noted  # type: ignore[method-assign]
    sys.argv[:] = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
