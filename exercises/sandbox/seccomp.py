"""seccomp: a process gives up the system calls for starting programs, opening sockets and reaching other processes.

Nothing else of the project is used here. What Landlock does not cover is here: fork, chmod, UDP, ptrace. Each of these
calls fails with EPERM, which Python raises as PermissionError. See seccomp(2), and linux/filter.h for the instructions.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterator

_PR_SET_SECCOMP, _MODE_FILTER, _PR_SET_NO_NEW_PRIVS = 22, 2, 38
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000  # the second with the error number added
_EPERM, _ENOSYS = 1, 38
_LOAD, _EQUAL, _BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
# Offsets in struct seccomp_data; both architectures are little-endian, so an argument's low half comes first.
_NUMBER, _ARCHITECTURE, _FIRST = 0, 4, 16
_CLONE_THREAD = 0x00010000
_X32 = 0x40000000

#: The architecture's number in linux/audit.h
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
#: Refused at all times: numbers on x86-64 and on arm64; None: not there
_REFUSED: dict[str, tuple[int | None, int | None]] = {
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "socket": (41, 198),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pidfd_getfd": (438, 438),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}
#: Allowed with this process (or 0, itself) as the first argument
_OWN_PROCESS = {"kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261)}
_CLONE, _CLONE3 = (56, 220), (435, 435)


def restrict() -> bool:
    """Leave this thread, and all that it starts, without these calls. Returns whether the kernel does it.

    Threads still start; another process does not. Call it while there is one thread.
    """
    machine = os.uname().machine
    if sys.platform != "linux" or machine not in _AUDIT or sys.maxsize < 2**32:
        return False
    code = b"".join(_program(machine))
    # struct sock_fprog: the number of instructions, and where they are
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    calls = ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _MODE_FILTER, program))
    return all(libc.prctl(*arguments) == 0 for arguments in calls)


def _program(machine: str) -> Iterator[bytes]:
    column = 0 if machine == "x86_64" else 1
    refuse = _instruction(_RETURN, _FAIL | _EPERM)
    allow = _instruction(_RETURN, _ALLOW)
    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_EQUAL, _AUDIT[machine], 1, 0) + refuse
    yield _instruction(_LOAD, _NUMBER)
    if column == 0:
        yield _instruction(_BITS, _X32, 0, 1) + refuse
    for numbers in _REFUSED.values():
        if (number := numbers[column]) is not None:
            yield _instruction(_EQUAL, number, 0, 1) + refuse
    # The C library then uses clone, whose flags can be looked at.
    yield _instruction(_EQUAL, _CLONE3[column], 0, 1) + _instruction(_RETURN, _FAIL | _ENOSYS)
    yield _instruction(_EQUAL, _CLONE[column], 0, 4) + _instruction(_LOAD, _FIRST)
    yield _instruction(_BITS, _CLONE_THREAD, 0, 1) + allow + refuse
    for numbers in _OWN_PROCESS.values():
        yield _instruction(_EQUAL, numbers[column], 0, 5) + _instruction(_LOAD, _FIRST)
        yield _instruction(_EQUAL, 0, 1, 0) + _instruction(_EQUAL, os.getpid(), 0, 1) + allow + refuse
    yield allow


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """One struct sock_filter; the last two say how many instructions a comparison skips."""
    return struct.pack("=HBBI", code, if_true, if_false, value)
