"""Landlock: a process gives up all files but those that it names, for good and for its children.

Nothing else of the project is used here. Linux 5.13 and later have it, unless it is turned off at boot; the numbers are
those of x86-64 and arm64, which share them. See Documentation/userspace-api/landlock.rst of the kernel.
"""

from __future__ import annotations

import ctypes
import os
import stat
import sys
from collections.abc import Iterable
from typing import TypeAlias

_Path: TypeAlias = str | os.PathLike[str]

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PR_SET_NO_NEW_PRIVS = 38
_VERSION = 1  # flag of create_ruleset
_PATH_BENEATH = 1  # kind of rule

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
#: The number of file rights that each version of the interface knows
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
_TCP = 0b11  # bind and connect, version 4
_SCOPES = 0b11  # abstract sockets and signals to processes outside, version 6
#: What a rule for a file, not a directory, may name
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"  # the only packed one that ctypes has
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


def abi() -> int:
    """The version of the kernel's Landlock; 0: there is none."""
    if sys.platform != "linux" or os.uname().machine not in ("x86_64", "aarch64"):
        return 0
    try:
        return _call(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def restrict(read: Iterable[_Path], write: Iterable[_Path], *, network: bool = False, execute: bool = False) -> int:
    """Leave this thread, and all that it starts, only the trees ``read`` for reading and ``write`` for both.

    Also refused, unless ``network``: TCP (version 4); always: signals to processes outside and abstract sockets
    (version 6). Programs can be started only with ``execute``, and then those in any of the trees. Paths that do not
    exist are left out. Not covered: the names, sizes and times of files (``stat``), ``chmod``, UDP, disk space.

    Call it while there is one thread. Returns the version in force, 0 if the kernel has none. Raises OSError.
    """
    version = abi()
    if version == 0:
        return 0
    every = (1 << _FILE_RIGHTS[min(version, 5)]) - 1
    reading = _READ_FILE | _READ_DIR | (_EXECUTE if execute else 0)
    writing = every if execute else every & ~_EXECUTE
    ruleset = _Ruleset(every, 0 if network or version < 4 else _TCP, _SCOPES if version >= 6 else 0)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = _call(_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    try:
        for rights, paths in ((reading, read), (writing, write)):
            for path in paths:
                _allow(rules, path, rights)
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        _call(_RESTRICT_SELF, rules, 0)
    finally:
        os.close(rules)
    return version


def _allow(rules: int, path: _Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _OF_FILES
        _call(_ADD_RULE, rules, _PATH_BENEATH, ctypes.byref(_Beneath(rights, place)), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: object) -> int:
    """A system call; raises OSError."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result: int = ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *wide)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
