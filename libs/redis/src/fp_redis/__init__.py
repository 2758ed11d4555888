"""Redis, as a store that may be away.

What it promises:

- `RedisClient.ask` sends commands in one round trip; `RedisClient.run` a `Script`, which is one step in the store.
- `RedisClient.ask_together` is for one command that many callers send: they share a connection (`pipe`).
- While Redis is away every call raises `fp_kernel.Unavailable` at once, but for one a second, which tries. A reader has
  another place to read from, and must not wait for a time-out each time.
- A command that Redis refuses, or a pool that is busy, is no outage: it fails alone.
- A connection that the server closed is opened again by itself.
- `RedisClient.listen` hands over what is published, and says from when on no message can be missed.
- `fp_redis.hosting` makes it a soft dependency of a service.
"""

from fp_redis.client import READ_TIMEOUT, WRITE_TIMEOUT, Command, RedisClient
from fp_redis.script import Script

__all__ = ["READ_TIMEOUT", "WRITE_TIMEOUT", "Command", "RedisClient", "Script"]
