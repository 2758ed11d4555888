"""Which event triggers what."""

from fp_events import Broadcast

# Every process forgets an API key that has ended.
API_KEYS = Broadcast("pipeline-api-keys", ("fp.auth.apikey.rotated", "fp.auth.apikey.revoked"))
