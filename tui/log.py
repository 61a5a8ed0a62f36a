"""The lab's own log: starts, ends, errors and slow frames, for those who look for a cause. Never what a text says."""

from __future__ import annotations

import contextlib
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

LOG = logging.getLogger("lstm_lab")
LOG.propagate = False
LOG.addHandler(logging.NullHandler())
#: Bytes until the file is put aside, and how many of those are kept.
_LARGEST, _KEPT = 256 * 1024, 2


class _Quiet(RotatingFileHandler):
    """Says nothing where it cannot write: the terminal is the lab's."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Do without."""


def log_path() -> Path:
    """On Linux ~/.local/state/lstm-lab/log/lab.log."""
    from platformdirs import user_log_path  # here, because most commands need none

    return user_log_path("lstm-lab", appauthor=False) / "lab.log"


def begin_log(path: Path | None = None) -> None:
    """Write what is logged from now on to the file at ``path`` too, if that is possible."""
    path = path or log_path()
    try:
        path.parent.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handler = _Quiet(path, maxBytes=_LARGEST, backupCount=_KEPT, encoding="utf-8", errors="backslashreplace")
    except OSError:
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)-7s %(message)s"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)


def end_log() -> None:
    """Close the file."""
    for handler in [handler for handler in LOG.handlers if isinstance(handler, _Quiet)]:
        LOG.removeHandler(handler)
        with contextlib.suppress(OSError, ValueError):  # a full disk: what is lost is a line of the log
            handler.close()
