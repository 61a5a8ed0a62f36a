"""The command line as a process of another program's, with which it ends."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from signal import SIGKILL, SIGTERM

from .main import main
from .signals import GRACE_SECONDS


def child() -> None:
    """`lstm-lab` with the arguments of this process, which ends when nobody holds the other end of its input."""
    threading.Thread(target=_watch, daemon=True).start()
    with contextlib.suppress(OSError):
        os.nice(5)  # the lab's own training comes first
    sys.exit(main())


def _watch() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 1024):
            pass
    os.kill(os.getpid(), SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), SIGKILL)
