"""Writing files as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable


def write_atomically(
    path: str | os.PathLike[str], content: str | bytes | Iterable[bytes | memoryview], *, mode: int = 0o666
) -> None:
    """Write ``content`` (text as UTF-8, or pieces) to ``path``; a failure, a crash or a power cut leaves the old file.

    A replaced file keeps its permissions, a new one gets ``mode`` less the umask, and a link keeps pointing
    to the file. The directory must exist. Raises OSError.
    """
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    try:
        kept: int | None = stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        kept = None
    temporary = os.path.join(directory, f".lstm-lab-{secrets.token_hex(8)}.tmp")
    try:
        # Created for its owner only where the old file's permissions are not known to be wider.
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode if kept is None else 0o600)
        with open(descriptor, "wb") as file:
            if kept is not None:
                os.fchmod(file.fileno(), kept)
            if isinstance(content, str):
                content = content.encode()
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    with contextlib.suppress(OSError):  # not every file system can
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
