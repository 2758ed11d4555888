"""The gateway: one address for everything, and no business logic.

gRPC calls of the public surface pass through as bytes; HTTP routes are a table over the same RPCs. Whoever calls is
verified by the service behind, never here, so that there is one place to get it right.
"""
