"""Which event triggers what."""

from fp_events import Broadcast

API_KEYS = Broadcast("featurestore-api-keys", ("fp.auth.apikey.revoked", "fp.auth.apikey.rotated"))
