"""The registry as others reach it: gRPC and events."""
