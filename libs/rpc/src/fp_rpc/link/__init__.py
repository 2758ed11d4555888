"""Calls of one method between two processes of the platform, as frames on one connection.

A prediction is a small request and a small answer, and a gRPC call costs each side more than the model does: about 300
microseconds of CPU together, against some ten for a pair of frames (ADR 0201). The method is the same, with the same
access rule, errors, deadline, correlation id, trace and metrics, and it stays callable over gRPC for everybody else.

`listener` and its `incoming` connections take calls in, `caller` sends them, `framing` cuts bytes into frames. The
frames: `forgepoint.link.v1`.
"""
