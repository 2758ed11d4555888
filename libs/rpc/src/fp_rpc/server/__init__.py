"""The server side of a call, from the socket to its status."""
