"""How long a test waits for what must come."""

from typing import Final

# Seconds. Nobody waits so long where all is well; a busy machine may need them. A test that passes only when something
# is quick tests the machine: a wait ends with its condition, and this is the bound behind it.
PATIENCE: Final = 60.0
