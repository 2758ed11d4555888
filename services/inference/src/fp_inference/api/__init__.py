"""The gRPC surface and the consumed events."""
