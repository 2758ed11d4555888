"""One address for gRPC and HTTP."""
