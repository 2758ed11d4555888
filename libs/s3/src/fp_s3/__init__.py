"""The object store.

What it promises:

- `ObjectStore` puts, gets, scans, copies, lists and deletes objects of one bucket and signs URLs for them. The client
  library blocks: each call has a thread.
- Large objects pass through in pieces of a mebibyte; a copy happens inside the store, if the source is still the one
  that was seen.
- Failures are `fp_kernel` errors: `NotFound`, `ObjectChanged`, and `Unavailable` while the store is away or refuses
  this service.
- No call waits longer than its time-outs; a passing failure is tried once more, whoever calls repeats.
- `fp_s3.hosting` makes it a soft dependency of a service.
"""

from fp_s3 import without_admin  # noqa: F401 -- before the client library
from fp_s3.failures import ObjectChanged
from fp_s3.objects import Location, ObjectFacts, ObjectStore
from fp_s3.streams import Pieces

__all__ = ["Location", "ObjectChanged", "ObjectFacts", "ObjectStore", "Pieces"]
