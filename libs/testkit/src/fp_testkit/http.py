"""What HTTP clients of tests share."""

import ssl
from typing import Final

NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of `http://` URLs, as `verify=`. It trusts nobody. Without it a client reads the machine's authorities,
which takes 40 ms of processor time.
"""
