"""Events that the gateway acts on; `tools/topology.py` reads the subjects here."""

from fp_events import Broadcast

# Every process forgets an API key that has ended.
ENDED_KEYS = Broadcast("gateway-keys", ("fp.auth.apikey.rotated", "fp.auth.apikey.revoked"))
