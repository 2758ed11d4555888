"""Mutual TLS between services: certificates from files, and the names in them."""
