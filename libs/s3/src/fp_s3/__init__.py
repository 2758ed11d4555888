"""The object store.

What it promises:

- `ObjectStore` puts, gets, lists and deletes small objects. The client library blocks: each call has a thread.
- Failures are `fp_kernel` errors: `Unavailable` while the store is away, `FailedPrecondition` for what it refuses.
- No call waits longer than its time-outs; whoever calls repeats.
- `fp_s3.hosting` makes it a soft dependency of a service.
"""

from fp_s3.objects import Location, ObjectStore

__all__ = ["Location", "ObjectStore"]
