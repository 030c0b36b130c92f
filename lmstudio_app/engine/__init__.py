"""The engine: everything but the window. Importing it settles how threads wait, before numpy and torch are loaded.

Threads of OpenMP that spin for long while they wait starve a machine with few cores as soon as anything else runs on
it; those that fall asleep at once are woken too late, which can double the time of a small step. So they spin for a
fraction of a millisecond, then sleep. numpy's threads would compete with torch's.
"""

import contextlib
import os


def _turns() -> int:
    """How often a waiting thread of GNU's OpenMP looks before it sleeps.

    On Intel's processors that is half a millisecond, which they need. On AMD's fewer turns do as well, and the training
    suffers less from a core that something else takes.
    """
    with contextlib.suppress(OSError), open("/proc/cpuinfo", "rb") as described:  # noqa: PTH123  (pathlib takes longer)
        if b"AuthenticAMD" in described.read(4096):
            return 4_000
    return 10_000


if "OMP_WAIT_POLICY" not in os.environ:  # whoever has set it knows better
    os.environ.setdefault("GOMP_SPINCOUNT", str(_turns()))  # with PyTorch on Linux
    os.environ.setdefault("KMP_BLOCKTIME", "1")  # milliseconds: LLVM's and Intel's, on macOS and Windows
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
