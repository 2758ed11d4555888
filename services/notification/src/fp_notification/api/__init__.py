"""Notification as others reach it: gRPC and events."""
