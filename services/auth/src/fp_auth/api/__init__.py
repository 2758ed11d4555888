"""gRPC and the JWKS address."""
