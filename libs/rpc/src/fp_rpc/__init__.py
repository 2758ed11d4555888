"""gRPC servers and channels with identity, access, errors, deadlines and telemetry."""
