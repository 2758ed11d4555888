"""Envelopes, streams, publishing and consuming on NATS JetStream."""
