"""The `fp` command: the platform from a terminal.

It talks to the gateway through generated stubs like any other client; only `fp events` looks at the bus (an operator's
address, `FP_NATS_URL`) and `fp up | down | status | logs` at the supervisor of this machine.

Heavy imports (gRPC, rich, NATS) happen inside the commands, so that `fp --help` and shell completion stay quick.
"""
