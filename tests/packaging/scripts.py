"""The set-up scripts as modules; their folder is no package, so they are imported by path."""

import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGING = CHECKOUT / "packaging"

sys.path.insert(0, str(PACKAGING))
try:
    import bootstrap
    import environment
    import lock
    import messages
    import system_needs
finally:
    sys.path.remove(str(PACKAGING))

__all__ = ["CHECKOUT", "PACKAGING", "bootstrap", "environment", "lock", "messages", "system_needs"]
