"""The limit that `ulimit -v` sets to a process's memory. Asked before NumPy is imported, so it imports little."""

from __future__ import annotations

import os
import sys

from lstm_ext.errors import LabError

#: What NumPy, its BLAS and a small network take; with less, NumPy's own start fails in its own ways.
LEAST_BYTES = 256_000_000


def address_space() -> int | None:
    """In bytes; None: there is no limit."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit


def prepare() -> None:
    """Make the most of a limit, before NumPy is imported. Raises LabError if it is too narrow."""
    limit = address_space()
    if limit is None:
        return
    if limit < LEAST_BYTES:
        raise LabError(
            f"memory is limited to {limit // 10**6:,} MB here (ulimit -v); lstm-lab needs {LEAST_BYTES // 10**6} MB"
        )
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # each of its threads takes 40 MB
