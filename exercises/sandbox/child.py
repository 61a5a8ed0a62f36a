"""The process that runs a learner's file: it confines itself, and then answers requests until its pipe ends.

Started by :mod:`.runner` with the numbers of three pipes: requests, answers, and Python's own traces of crashes.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..grading.inline import execute, run_probe
from ..grading.recording import Crash
from ..grading.rungs import Rung
from ..grading.student import StudentError, crash_of, signature
from .confinement import confine, limit_cpu
from .integrity import Integrity
from .output import captured
from .records import plain_crash, plain_recording, plain_signature
from .shadows import shadow
from .wire import HEAD, PlainData, TooLarge, decode, encode, size_of

_PACKAGE = __package__.rpartition(".")[0]
#: Processor seconds for each second of wall time: a file may have threads
_THREADS = 4
#: The exit status when a pipe fails
LOST = 88


class Child:
    """The learner's file, and what can be asked about it. Every answer is plain data; a crash is a StudentError."""

    def __init__(self, file: str, exercise: str) -> None:
        self._file = Path(file)
        self._exercise = exercise
        self._module = ModuleType(self._file.stem)
        self._module.__file__ = file
        self._source = ""
        self._integrity = Integrity()
        self._rungs: list[Rung] = []

    def load(self, source: str) -> None:
        """Execute the file."""
        _raise(shadow(self._file.parent, source))
        if self._exercise:
            self._rungs = import_module(f"{_PACKAGE}.content.{self._exercise}.checks").RUNGS
        # At the end: what lies beside the file must not replace what the grader needs.
        sys.path.append(str(self._file.parent))
        sys.modules[self._module.__name__] = self._module
        self._source = source
        self._integrity = Integrity()
        with captured():
            crash = execute(source, self._module)
        _raise(self._integrity.restore(source) or crash)

    def signature(self, name: str) -> PlainData:
        """What the file has under a dotted name."""
        with captured():
            return plain_signature(signature(self._module, name))

    def probe(self, rung: int, seed: int) -> PlainData:
        """What the probe of a rung saw."""
        with captured() as output:
            recording = run_probe(self._rungs[rung].probe, self._module, seed)
        recording.printed = output.getvalue()
        recording.crash = self._integrity.restore(self._source) or recording.crash
        return plain_recording(recording)

    def call(self, name: str, arguments: list[PlainData]) -> PlainData:
        """What the function ``name`` of this project returns for the learner's module."""
        module, _, function = name.partition(":")
        called = getattr(import_module(f"{_PACKAGE}.{module}"), function)
        with captured():
            result = called(self._module, *arguments)
        _raise(self._integrity.restore(self._source))
        return result


def main(arguments: list[str]) -> None:
    """Answer requests: lists of an operation's name, its limit in seconds, and its arguments."""
    status = 0
    try:
        _serve(*map(int, arguments))
    except BaseException:
        traceback.print_exc()
        status = LOST
    os._exit(status)  # without the interpreter's own end, which would wait for the file's threads


def _serve(requests: int, answers: int, traces: int) -> None:
    # As a learner's own file would be run, but nothing is written beside it.
    sys.dont_write_bytecode = True
    faulthandler.enable(traces, all_threads=False)
    with open(requests, "rb") as incoming:
        file, exercise, temporary = _receive(incoming)
        os.chdir(Path(file).parent)
        confinement = confine(Path(file).parent, Path(temporary))
        child = Child(file, exercise)
        _send(answers, encode([confinement.landlock, confinement.seccomp]))
        while (request := _receive(incoming)) is not None:
            operation, seconds, *rest = request
            faulthandler.dump_traceback_later(seconds, exit=True, file=traces)
            limit_cpu(_THREADS * seconds + 1)
            frame = _answer(partial(getattr(child, operation), *rest), file)
            faulthandler.cancel_dump_traceback_later()
            _send(answers, frame)


def _answer(operation: Callable[[], PlainData], file: str) -> bytes:
    """The frame of what it returns, of the learner's crash, or of the traceback of a mistake of ours."""
    try:
        return encode([operation(), None, ""])
    except StudentError as error:
        crash = error.crash
    except TooLarge as error:
        crash = Crash("memory", f"what it returned is too large to be compared: {error}")
    except BaseException as error:
        crash = crash_of(error, file)
        # Where the file has no part in the trace, it is ours.
        if not crash.line and not isinstance(error, MemoryError):
            return encode([None, None, traceback.format_exc()[-20_000:]])
    return encode([None, plain_crash(crash), ""])


def _raise(crash: Crash | None) -> None:
    if crash:
        raise StudentError(crash)


def _receive(incoming: Any) -> PlainData:
    head = incoming.read(HEAD)
    return decode(head + incoming.read(size_of(head))) if len(head) == HEAD else None


def _send(answers: int, frame: bytes) -> None:
    rest = memoryview(frame)
    while rest:
        rest = rest[os.write(answers, rest) :]
