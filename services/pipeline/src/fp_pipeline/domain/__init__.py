"""Rules of pipelines: sync, pure, frozen values."""
