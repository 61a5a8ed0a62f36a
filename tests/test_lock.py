"""Locks: of two processes one is refused, and nothing that a dead one left is in the way."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from lstm_ext.errors import CheckpointError
from lstm_ext.lock import locked

HOLDER = """
import sys
from lstm_ext.lock import locked

with locked(sys.argv[1]):
    print("has it", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Has the lock until its input is closed."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "has it\n"
        yield process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "m.safetensors"


def is_free(path: Path) -> bool:
    """For other processes."""
    program = HOLDER.replace("print", "sys.exit() #")
    return subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True).returncode == 0


def test_the_second_process_is_refused_in_one_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with another_process(path) as process:
        for name in (str(path), path.name):
            message = f"{name}: process {process.pid} on {socket.gethostname()} is writing this file; "
            with pytest.raises(CheckpointError, match=f"^{re.escape(message)}wait until it ends, or choose another"):
                locked(name).__enter__()
        with locked(path.with_name("other.safetensors")):
            pass
        process.communicate("")
    with locked(path):
        assert not is_free(path)
    assert is_free(path) and not os.listdir(path.parent)


@pytest.mark.parametrize("left", ["12 a\x1b[2Jb\n", "x" * 1000, "", "-1 host\n"])
def test_a_holder_that_says_nothing_sensible_is_not_quoted(left: str, path: Path) -> None:
    with another_process(path):
        (path.parent / f".{path.name}.lock").write_text(left)
        with pytest.raises(CheckpointError, match="another process is writing"):
            locked(path).__enter__()


def test_a_dead_process_is_not_in_the_way(path: Path) -> None:
    with another_process(path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert os.listdir(path.parent) == [".m.safetensors.lock"]
        with locked(path):
            assert not is_free(path)
    assert not os.listdir(path.parent)


def test_one_process_may_take_it_again(path: Path) -> None:
    with locked(path):
        with locked(path), locked(str(path)):
            pass
        assert not is_free(path)
    assert is_free(path)


def test_a_link_is_the_file_that_it_points_to(path: Path) -> None:
    link = path.with_name("link.safetensors")
    link.symlink_to(path)
    with another_process(link), pytest.raises(CheckpointError, match="is writing this file"):
        locked(path).__enter__()


def _try(path: str) -> None:
    try:
        with locked(path):
            os._exit(0)
    except CheckpointError:
        os._exit(7)


def test_a_forked_child_does_not_share_it(path: Path) -> None:
    lock = locked(path)
    with lock:
        child = multiprocessing.get_context("fork").Process(target=_try, args=(str(path),))
        child.start()
        child.join()
        assert child.exitcode == 7 and not is_free(path)

    def leave(lock: AbstractContextManager[None]) -> Callable[[], None]:
        return lambda: os._exit(bool(lock.__exit__(None, None, None)))

    lock = locked(path)
    with lock:
        child = multiprocessing.get_context("fork").Process(target=leave(lock))
        child.start()
        child.join()
        assert child.exitcode == 0 and not is_free(path), "the child released its parent's lock"


def test_where_there_are_no_locks_nothing_is_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with locked(path.parent / "nowhere" / "m.safetensors"):
        pass
    monkeypatch.setattr(fcntl, "lockf", unsupported)
    with locked(path), locked(path):
        pass
    assert not os.listdir(path.parent)
