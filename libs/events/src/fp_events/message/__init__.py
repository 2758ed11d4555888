"""The message: event, envelope and subject."""
