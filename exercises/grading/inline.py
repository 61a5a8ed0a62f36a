"""Running code that is trusted, the solution and its mutants, in this process; learners' files run in the sandbox."""

from __future__ import annotations

import io
import linecache
from dataclasses import replace
from types import ModuleType
from typing import Protocol

import numpy as np

from .recording import Crash, Recording, Signature
from .rungs import Probe
from .student import Student, StudentError, crash_of, signature


class Runner(Protocol):
    """Runs the probes on one file."""

    def load(self) -> Crash | None:
        """Execute the file; None: it came to its end."""

    def signature(self, name: str) -> Signature:
        """What the file has under a dotted name. Raises StudentError."""

    def probe(self, rung: int, seed: int) -> Recording:
        """What the probe of the exercise's rung number ``rung`` saw; a crash is part of it."""


class InlineRunner:
    """A runner for trusted source text. Several may run at once, in threads."""

    def __init__(self, source: str, probes: list[Probe], file: str = "<solution>") -> None:
        self._source = source
        self._probes = probes
        self._module = ModuleType("solution")
        self._module.__file__ = file

    def load(self) -> Crash | None:
        """Execute the source; None: it came to its end."""
        return execute(self._source, self._module)

    def signature(self, name: str) -> Signature:
        """What the source has under a dotted name."""
        return signature(self._module, name)

    def probe(self, rung: int, seed: int) -> Recording:
        """What the probe of rung number ``rung`` saw."""
        return run_probe(self._probes[rung], self._module, seed)


def execute(source: str, module: ModuleType) -> Crash | None:
    """Execute ``source`` as ``module``, whose ``__file__`` is the name in tracebacks; None: it came to its end."""
    file = module.__file__ or ""
    # Lines as Python counts them: splitlines would also end them at a form feed.
    linecache.cache[file] = (len(source), None, io.StringIO(source, newline=None).readlines(), file)
    try:
        code = compile(source, file, "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return syntax_crash(error)
    try:
        with np.errstate(all="ignore"):
            exec(code, module.__dict__)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return crash_of(error, file)
    return None


def syntax_crash(error: Exception) -> Crash:
    """What it means that ``compile`` or ``ast.parse`` raised ``error``."""
    if isinstance(error, SyntaxError):
        source = (error.text or "").strip()[:200]
        return Crash("syntax", f"{type(error).__name__}: {error.msg}", error.lineno or 0, source)
    if isinstance(error, RecursionError | MemoryError):
        return Crash("syntax", "something in it is nested too deeply")
    return Crash("syntax", f"{type(error).__name__}: {error}")


def run_probe(probe: Probe, module: ModuleType, seed: int) -> Recording:
    """Run one probe on an executed module; a crash of the code under test becomes part of the recording.

    So does an exception of the probe itself: it went well with the solution, so something unexpected was returned.
    """
    student = Student(module, seed)
    crash: Crash | None = None
    try:
        with np.errstate(all="ignore"):
            probe(student)
    except StudentError as error:
        crash = error.crash
    except Exception as error:
        crash = replace(crash_of(error, module.__file__ or "", student.last_call), kind="unusable")
    recording = student.finish()
    recording.crash = crash
    return recording
