"""The engine: everything but the window. Importing it settles how threads wait, before numpy and torch are loaded.

OpenMP threads that spin while they wait starve a machine with few cores as soon as anything else runs on it: waiting
asleep costs nothing measurable when the machine is quiet and keeps most of the speed when it is not. numpy's threads
would compete with torch's.
"""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
