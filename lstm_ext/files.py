"""Writing files as a whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import secrets
import socket
import stat
import zlib
from collections.abc import Iterable

#: A temporary file's machine and process.
_TEMPORARY = re.compile(r"\.lstm-lab-([0-9a-f]{8})-(\d{1,9})-[0-9a-f]{8}\.tmp")


def write_atomically(
    path: str | os.PathLike[str], content: str | bytes | Iterable[bytes | memoryview], *, mode: int = 0o666
) -> None:
    """Write ``content`` (text as UTF-8, or pieces) to ``path``; a failure, a crash or a power cut leaves the old file.

    A replaced file keeps its permissions, a new one gets ``mode`` less the umask, and a link keeps pointing
    to the file. The directory must exist; temporary files that processes left there when they were killed are removed.
    Raises OSError.
    """
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    try:
        kept: int | None = stat.S_IMODE(os.stat(path).st_mode)
    except FileNotFoundError:
        kept = None
    _sweep(directory)
    temporary = os.path.join(directory, f".lstm-lab-{_machine()}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        # Created for its owner only where the old file's permissions are not known to be wider.
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode if kept is None else 0o600)
        except OSError as error:
            error.filename = path  # what the caller knows of
            raise
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


def keep_aside(path: str | os.PathLike[str]) -> str:
    """Give the file at ``path`` a second name, so that it outlives being replaced; returns that name.

    The names of ``F.x`` are ``F.old-1.x``, ``F.old-2.x``, …: the largest number is the newest, and none of them is ever
    replaced or removed. Raises OSError.
    """
    path = os.path.realpath(path) if os.path.islink(path) else os.fspath(path)
    directory, name = os.path.split(path)
    stem, suffix = os.path.splitext(name)
    pattern = re.compile(rf"{re.escape(stem)}\.old-(\d{{1,9}}){re.escape(suffix)}")
    taken = [int(found[1]) for other in os.listdir(directory or ".") if (found := pattern.fullmatch(other))]
    for number in itertools.count(max(taken, default=0) + 1):
        aside = os.path.join(directory, f"{stem}.old-{number}{suffix}")
        try:
            os.link(path, aside)
        except FileExistsError:
            continue
        except OSError:  # a file system without links
            with open(path, "rb") as file:
                write_atomically(aside, file.read(), mode=stat.S_IMODE(os.stat(path).st_mode))
        break
    return aside


def _machine() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _sweep(directory: str) -> None:
    """Remove the temporary files of dead processes of this machine."""
    with contextlib.suppress(OSError):  # a folder that cannot be listed
        for name in os.listdir(directory):
            found = _TEMPORARY.fullmatch(name)
            if found and found[1] == _machine() and not _alive(int(found[2])):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(directory, name))


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        pass
    return True
