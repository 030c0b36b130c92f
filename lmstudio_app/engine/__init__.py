"""The engine: everything but the window. Importing it settles how threads wait, before numpy and torch are loaded.

Threads of OpenMP that spin for long while they wait starve a machine with few cores as soon as anything else runs on
it; those that fall asleep at once are woken too late, which can double the time of a small step. So they spin for a
fraction of a millisecond, then sleep. numpy's threads would compete with torch's.
"""

import os

if "OMP_WAIT_POLICY" not in os.environ:  # whoever has set it knows better
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")  # turns of a loop: GNU's OpenMP, with PyTorch on Linux
    os.environ.setdefault("KMP_BLOCKTIME", "1")  # milliseconds: LLVM's and Intel's, on macOS and Windows
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
