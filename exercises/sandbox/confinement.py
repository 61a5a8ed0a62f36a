"""What a process may still do before it runs a learner's file."""

from __future__ import annotations

import contextlib
import math
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import lstm_ext

from . import landlock, seccomp

_MB = 1 << 20
#: Memory that is written, and address space, which libraries reserve without using it
MEMORY, ADDRESS_SPACE = 1024 * _MB, 4096 * _MB
FILE_SIZE, OPEN_FILES = 64 * _MB, 64
#: Processes of the same user besides those there are, where nothing else keeps a process from starting others
MORE_PROCESSES = 32

#: What shared libraries, time zones and fonts need besides Python's own folders
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/etc/ld.so.cache", "/etc/localtime"),
    *("/usr/share/zoneinfo", "/usr/share/fonts", "/dev/urandom", "/dev/random", "/dev/zero"),
)


@dataclass(frozen=True)
class Confinement:
    """What was in force while a learner's file ran."""

    #: The version of Landlock; 0: the file could read and write what its user can
    landlock: int
    #: Whether it could not start processes, open sockets, or reach other processes
    seccomp: bool

    def __str__(self) -> str:
        names = [f"Landlock {self.landlock}"] * bool(self.landlock) + ["seccomp"] * self.seccomp
        return ", ".join([*names, "limits on time, memory, output and files"])


def confine(folder: Path, temporary: Path) -> Confinement:
    """Limit this process: it reads Python and ``folder``, and writes ``folder`` and ``temporary``.

    Call it while there is one thread. Raises OSError where the kernel offers Landlock and then refuses.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, FILE_SIZE)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    _limit(resource.RLIMIT_DATA, MEMORY)
    _limit(resource.RLIMIT_AS, ADDRESS_SPACE)
    filtered = seccomp.restrict()
    if not filtered:
        _limit(resource.RLIMIT_NPROC, _processes() + MORE_PROCESSES)
    version = landlock.restrict([*_python(), *_SYSTEM], [folder, temporary, "/dev/null"])
    return Confinement(version, filtered)


def limit_cpu(seconds: float) -> None:
    """End the process when it has used so much more processor time."""
    used = sum(os.times()[:2])
    _limit(resource.RLIMIT_CPU, math.ceil(used + seconds), soft=True)


def _limit(which: int, value: int, soft: bool = False) -> None:
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has not all of them
        resource.setrlimit(which, (value, hard if soft else value))


def _python() -> list[str]:
    """The folders of Python, its packages and this project."""
    packages = [np.__file__, lstm_ext.__file__, __file__]
    return [path for path in sys.path if os.path.isabs(path)] + [
        *(str(Path(file).parent) for file in packages),
        str(Path(__file__).parent.parent),
    ]


def _processes() -> int:
    """How many threads this user runs."""
    import psutil

    own = os.getuid()
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.uids().real == own:
                count += process.num_threads()
    return count
