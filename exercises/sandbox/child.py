"""The process that runs a learner's file: it confines itself, and then answers requests until its pipe ends.

Started by :mod:`.runner` with the numbers of three pipes: requests, answers, and Python's own traces of crashes.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..grading.inline import captured, execute, run_probe
from ..grading.recording import Crash, Recording
from ..grading.rungs import Rung
from ..grading.student import StudentError, crash_of, signature
from .confinement import confine, limit_cpu
from .integrity import Integrity
from .records import plain_crash, plain_recording, plain_signature
from .shadows import shadow
from .wire import HEAD, PlainData, WireError, decode, encode, size_of

_PACKAGE = __package__.rpartition(".")[0]
#: Processor seconds for each second of wall time: a file may have threads
_THREADS = 4


class Child:
    """The learner's file, and what can be asked about it."""

    def __init__(self, file: str, exercise: str) -> None:
        self._file = Path(file)
        self._exercise = exercise
        self._module = ModuleType(self._file.stem)
        self._module.__file__ = file
        self._integrity = Integrity()
        self._rungs: list[Rung] = []

    def load(self, source: str) -> PlainData:
        """Execute the file."""
        if found := shadow(self._file.parent, source):
            return plain_crash(found)
        if self._exercise:
            self._rungs = import_module(f"{_PACKAGE}.content.{self._exercise}.checks").RUNGS
        # At the end: what lies beside the file must not replace what the grader needs.
        sys.path.append(str(self._file.parent))
        sys.modules[self._module.__name__] = self._module
        self._integrity = Integrity()
        crash = execute(source, self._module)
        return plain_crash(self._integrity.restore(source) or crash)

    def signature(self, name: str) -> PlainData:
        """What the file has under a dotted name."""
        return plain_signature(signature(self._module, name))

    def probe(self, rung: int, seed: int) -> PlainData:
        """What the probe of a rung saw."""
        recording = run_probe(self._rungs[rung].probe, self._module, seed)
        recording.crash = self._integrity.restore("") or recording.crash
        return plain_recording(recording)

    def call(self, name: str, arguments: list[PlainData]) -> PlainData:
        """What the function ``name`` of this project returns for the learner's module; or the crash that ended it."""
        module, _, function = name.partition(":")
        called = getattr(import_module(f"{_PACKAGE}.{module}"), function)
        try:
            with captured():
                result = called(self._module, *arguments)
        except StudentError as error:
            return [None, plain_crash(error.crash)]
        if crash := self._integrity.restore(""):
            return [None, plain_crash(crash)]
        return [result, None]

    def too_large(self, operation: str, error: WireError) -> PlainData:
        """The answer in place of one that cannot cross."""
        crash = Crash("memory", f"what it returned is too large to be compared: {error}")
        return plain_recording(Recording(crash=crash)) if operation == "probe" else [None, plain_crash(crash)]


def main(arguments: list[str]) -> None:
    """Answer requests: lists of an operation's name, its limit in seconds, and its arguments."""
    requests, answers, traces = map(int, arguments)
    # As a learner's own file would be run, but nothing is written beside it.
    sys.dont_write_bytecode = True
    faulthandler.enable(traces, all_threads=False)
    with open(requests, "rb") as incoming:
        file, exercise, temporary = _receive(incoming)
        os.chdir(Path(file).parent)
        confinement = confine(Path(file).parent, Path(temporary))
        child = Child(file, exercise)
        _send(answers, [confinement.landlock, confinement.seccomp])
        while (request := _receive(incoming)) is not None:
            operation, seconds, *rest = request
            faulthandler.dump_traceback_later(seconds, exit=True, file=traces)
            limit_cpu(_THREADS * seconds + 1)
            try:
                answer: PlainData = [True, getattr(child, operation)(*rest)]
                frame = encode(answer)
            except WireError as error:
                frame = encode([True, child.too_large(operation, error)])
            except BaseException as error:
                # A mistake of ours; or of the learner's, where the file is part of the trace.
                crash = crash_of(error, file)
                frame = encode([False, traceback.format_exc()[-20_000:], plain_crash(crash if crash.line else None)])
            faulthandler.cancel_dump_traceback_later()
            _send_frame(answers, frame)
    os._exit(0)


def _receive(incoming: Any) -> PlainData:
    head = incoming.read(HEAD)
    return decode(head + incoming.read(size_of(head))) if len(head) == HEAD else None


def _send(answers: int, value: PlainData) -> None:
    _send_frame(answers, encode(value))


def _send_frame(answers: int, frame: bytes) -> None:
    rest = memoryview(frame)
    while rest:
        rest = rest[os.write(answers, rest) :]
