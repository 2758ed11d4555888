"""The transport of our gRPC servers: HTTP/2 with gRPC's messages, on the event loop (ADR 0210).

What a client sees is gRPC, whatever its language: the four kinds of calls, deadlines, metadata, packed requests, flow
control, keep-alive, GOAWAY. What it costs is a fraction of grpc.aio: there is no thread of the core, no wake-up for
each of a call's operations, and what one turn of the loop answers leaves in one write.

A method may be called as plain HTTP as well (`http_stream`, ADR 0231); `fp_rpc.http1` is the same over HTTP/1.1.

`listener` accepts connections; `connection` reads their frames, `headers` and `head` their headers; a `stream` is one
call and what its handler gets as its context; `outgoing` writes; `noise` ends connections that cost more than they ask.
"""
