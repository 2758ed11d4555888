"""HTTP/1.1 at the port of HTTP/2, for the calls that come as plain HTTP (ADR 0231)."""
