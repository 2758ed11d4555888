"""Settings, start and stop, health and readiness of a service."""
