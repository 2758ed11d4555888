"""Publishing: where an event comes from, and the server's acknowledgements."""
