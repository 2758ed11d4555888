"""What the gateway does with events."""

from fp_events import Broadcast

# Every process forgets an API key that has ended.
KEYS = Broadcast("gateway-keys", ("fp.auth.apikey.rotated", "fp.auth.apikey.revoked"))
