"""What happens to a call that comes in, from the socket to its status."""
