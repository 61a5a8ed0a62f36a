"""One process at a time for each file that is written again and again."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import threading
import time
from collections.abc import Iterator

from .errors import CheckpointError

#: Real path → the descriptor that holds its lock (None: none could be had) and how often it was taken.
_held: dict[str, tuple[int | None, int]] = {}
_guard = threading.RLock()
_threads = threading.RLock()


@contextlib.contextmanager
def locked(path: str | os.PathLike[str]) -> Iterator[None]:
    """``with locked(path):`` no other process is inside such a block for the same file.

    The same process may be, any number of times. The lock is the kernel's (POSIX ``lockf``, which also holds across
    machines on NFS), so it ends with its process, however that ends. It lies on ``.NAME.lock`` beside the file, which
    says who has it, because the file itself is replaced again and again. Where a folder cannot be written or its file
    system has no locks, nothing is locked. Raises CheckpointError at once if another process has it.
    """
    path = os.fspath(path)
    real = os.path.realpath(path)
    _take(path, real)
    try:
        yield
    finally:
        _release(real)


@contextlib.contextmanager
def waiting(path: str | os.PathLike[str], seconds: float = 5.0) -> Iterator[None]:
    """``with waiting(path):`` no other thread or process is inside such a block for the same file; it waits for the one
    that is, at most so many ``seconds``. For short work only. Raises CheckpointError where that takes longer."""
    end = time.monotonic() + seconds
    with _threads, contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(locked(path))
                break
            except CheckpointError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        yield


def holder(path: str | os.PathLike[str]) -> str:
    """Who is writing the file at ``path``, such as "process 12 on somewhere"; "" where nobody has its lock."""
    real = os.path.realpath(path)
    with _guard:
        if real in _held:
            return "this process"
        try:
            descriptor = os.open(_beside(real), os.O_RDWR | os.O_NOFOLLOW)
        except OSError:
            return ""
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return _holder(descriptor) if error.errno in (errno.EACCES, errno.EAGAIN) else ""
        finally:
            os.close(descriptor)
    return ""


def _take(path: str, real: str) -> None:
    with _guard:
        descriptor, times = _held.get(real, (None, 0))
        _held[real] = (descriptor if times else _acquire(path, _beside(real))), times + 1


def _release(real: str) -> None:
    with _guard:
        if real not in _held:  # it was the parent of this process that took it
            return
        descriptor, times = _held.pop(real)
        if times > 1:
            _held[real] = descriptor, times - 1
        elif descriptor is not None:
            with contextlib.suppress(OSError):
                os.unlink(_beside(real))
            os.close(descriptor)


def _forget() -> None:
    global _guard, _threads
    _guard, _threads = threading.RLock(), threading.RLock()
    _held.clear()


os.register_at_fork(after_in_child=_forget)  # a child has none of its parent's locks


def _beside(real: str) -> str:
    folder, name = os.path.split(real)
    return os.path.join(folder, f".{name}.lock")


def _acquire(path: str, beside: str) -> int | None:
    while True:
        try:
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError:
            return None
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(descriptor, beside):
                _sign(descriptor)
                return descriptor
        except OSError as error:
            holder = _holder(descriptor)
            os.close(descriptor)
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                with contextlib.suppress(OSError):
                    os.unlink(beside)
                return None
            raise CheckpointError(
                f"{path}: {holder} is writing this file; wait until it ends, or choose another name"
            ) from None
        os.close(descriptor)  # whoever had it has removed the file meanwhile


def _is_at(descriptor: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    with contextlib.suppress(OSError):  # a full disk
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {socket.gethostname()}\n".encode(), 0)


def _holder(descriptor: int) -> str:
    """What the file says, if it says it as ``_sign`` does."""
    try:
        found = re.fullmatch(rb"(\d{1,10}) ([\w.-]{1,255})\n", os.pread(descriptor, 512, 0))
    except OSError:
        found = None
    return f"process {int(found[1])} on {found[2].decode()}" if found else "another process"
