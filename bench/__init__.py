"""How fast the C core is, measured against PyTorch, JAX and the NumPy twin in one run.

``run`` starts a ``worker`` process per number of threads, in which all contenders take turns, row
by row, and gathers a ``Report``; ``targets`` says what the report should hold. The contenders
are ``own`` (C core and twin), ``peer_torch`` and ``peer_jax``; each has to compute the same loss
and gradients (``agreement``) before its time counts.
"""

import sys

# `python -m bench` looks into the current folder first, where somebody's json.py may lie. It has found what it needs.
if sys.argv[0] == "-m" and not (sys.flags.isolated or getattr(sys.flags, "safe_path", False)):
    del sys.path[0]
