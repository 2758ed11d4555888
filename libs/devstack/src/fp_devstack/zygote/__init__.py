"""A process that has imported what the services share and forks them.

Ten services forked after one import are ready four times sooner and take a third of the memory of ten interpreters.
What makes that safe: the zygote has one thread, no event loop, no gRPC channel or server, and nothing that reads its
environment at import; it checks the first itself and refuses to serve otherwise.
"""
