"""gRPC and events in."""
