"""A bug of ours: its traceback goes to a file, and one line says where the file is and what to do with it."""

from __future__ import annotations

import platform
import secrets
import shlex
import sys
import tempfile
import textwrap
import time
import traceback
from pathlib import Path

from lstm_ext import __version__
from lstm_ext.files import write_atomically

from .log import LOG


def report(error: BaseException) -> str:
    """Write the traceback of ``error`` to a file that only this user can read. Returns one line for the user."""
    name = type(error).__name__
    what = textwrap.shorten(f"{name}: {error}" if str(error) else name, 200, placeholder=" …")
    found = f"this is a bug in lstm-lab ({what})"
    path = keep("".join(traceback.format_exception(error)))
    LOG.error("bug: %s; its traceback is in %s", name, path)
    if path is None:
        return f"{found}; its traceback could not be written to any folder: LSTM_LAB_DEBUG=1 shows it"
    return f"{found}; its traceback is in {path}; please report it with that file and what `lstm-lab doctor` prints"


def keep(trace: str) -> Path | None:
    """The file with ``trace`` in it: in the user's log folder, or else in the temporary one; None: in neither."""
    from platformdirs import user_log_path

    heading = (
        f"lstm-lab {__version__}, Python {platform.python_version()}, {platform.platform()}\n{shlex.join(sys.argv)}\n\n"
    )
    name = f"lstm-lab-crash-{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(4)}.txt"
    for folder in (user_log_path("lstm-lab", appauthor=False), Path(tempfile.gettempdir())):
        try:
            if not folder.is_dir():
                folder.parent.mkdir(parents=True, exist_ok=True)
                folder.mkdir(mode=0o700)
            write_atomically(folder / name, (heading + trace).encode(errors="backslashreplace"), mode=0o600)
        except OSError:
            continue
        return folder / name
    return None
