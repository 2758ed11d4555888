"""What a user, a scope, a password, an API key, a session and a signing key are. Pure: no I/O, time is passed in."""
