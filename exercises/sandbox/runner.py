"""The grader's side of the sandbox: it starts the process, asks, waits no longer than allowed, and believes nothing."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from ..catalogue import Exercise
from ..grading.recording import Crash, Recording, Signature
from ..grading.student import StudentError
from .child import LOST
from .confinement import Confinement
from .records import read_crash, read_recording, read_signature
from .source import read_source
from .wire import HEAD, PlainData, WireError, decode, encode, size_of

#: Limits in seconds: for the process to start (the machine may be busy), for executing the file, for a look at a name
START_SECONDS, LOAD_SECONDS, LOOK_SECONDS = 60.0, 10.0, 5.0
#: The child ends itself at a limit, since it knows the line; after so many seconds more it is killed.
GRACE = 2.0
#: Bytes that may reach the real standard output and standard error
MAX_OUTPUT = 1_000_000
_MAX_TRACE = 100_000
_PROGRAM = (
    "import site, sys; [site.addsitedir(path) for path in sys.argv[4:]]; from {} import main; main(sys.argv[1:4])"
)
_PASSED_ON = ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LSTM_LAB_BACKEND")
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


_T = TypeVar("_T")


class Cancelled(Exception):
    """The runner was closed while it was asked something."""


class GraderError(Exception):
    """The grader's own code failed in the child; the message ends with its traceback."""


class SandboxRunner:
    """Runs a learner's file in a process of its own: a :class:`~lstm_lab.exercises.grading.inline.Runner`.

    Nothing is started before the first request. A crash that ends the process is the answer to every later request,
    too. ``close`` may be called from another thread, at any time: it kills the process, and the request under way
    raises Cancelled. GraderError means that our own code failed.

    **Other requests.** ``request("debugger.learner:walk", [text, 3])`` calls ``walk(module, text, 3)`` in the child.
    The name is a module below ``lstm_lab.exercises`` and a function in it; ``module`` is the executed file if ``load``
    was called before. Arguments and result are plain data (:mod:`.wire`): None, bool, int, float, str, lists,
    dictionaries with text as keys, arrays. The function runs the learner's code through
    :meth:`~lstm_lab.exercises.grading.student.Student.call`, so that what it raises is a StudentError, which
    ``request`` then raises here, with the crash.
    """

    def __init__(self, file: Path, exercise: Exercise | None = None) -> None:
        self.file = file.absolute()
        #: The file's text, which all requests are about, or what is wrong with it
        self.source = read_source(self.file)
        self._exercise = exercise
        self._confinement: Confinement | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._pipes: _Pipes | None = None
        self._temporary = ""
        self._ended: Crash | None = None
        self._closed = False
        #: Held by the thread that asks
        self._asking = threading.Lock()
        #: Held while the process's id is certain to be its own
        self._killing = threading.Lock()

    def __enter__(self) -> SandboxRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def confinement(self) -> Confinement | None:
        """What was in force; None: nothing was started."""
        return self._confinement

    def load(self) -> Crash | None:
        """Execute the file; None: it came to its end."""
        if isinstance(self.source, Crash):
            return self.source
        try:
            self._ask("load", LOAD_SECONDS, self.source)
        except StudentError as error:
            return error.crash
        return None

    def signature(self, name: str) -> Signature:
        """What the file has under a dotted name. Raises StudentError."""
        return _read(read_signature, self._ask("signature", LOOK_SECONDS, name))

    def probe(self, rung: int, seed: int) -> Recording:
        """What the probe of rung number ``rung`` saw; a crash is part of it."""
        assert self._exercise is not None
        try:
            return _read(read_recording, self._ask("probe", self._exercise.checks.RUNGS[rung].seconds, rung, seed))
        except StudentError as error:
            return Recording(crash=error.crash)

    def request(self, name: str, arguments: Sequence[PlainData] = (), seconds: float = LOOK_SECONDS) -> PlainData:
        """What the function ``name`` of this project returns in the child. Raises StudentError."""
        return self._ask("call", seconds, name, list(arguments))

    def close(self) -> None:
        """End the process and all that it started, at once."""
        self._closed = True
        self._kill()
        with self._asking:
            self._clean_up()

    def _ask(self, operation: str, seconds: float, *arguments: PlainData) -> PlainData:
        """What an operation of the child returns. Raises StudentError if the file crashed instead."""
        with self._asking:
            if self._ended:
                raise StudentError(self._ended)
            if self._pipes is None:
                self._start()
            answer = self._exchange([operation, seconds, *arguments], seconds + GRACE)
            if isinstance(answer, Crash):
                self._ended = answer
                raise StudentError(answer)
        match answer:
            case [result, None, ""]:
                return result
            case [None, crash, str() as trace]:
                if found := _read(read_crash, crash):
                    raise StudentError(found)
                raise GraderError(trace)
        raise GraderError("an answer of another form")

    def _start(self) -> None:
        if self._closed:
            raise Cancelled
        self._temporary = tempfile.mkdtemp(prefix="lstm-lab-check-")
        self._pipes = pipes = _Pipes()
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment |= dict.fromkeys(_THREADS, "1") | {"MPLBACKEND": "Agg"}
        environment |= dict.fromkeys(("HOME", "TMPDIR"), self._temporary)
        program = _PROGRAM.format(f"{__package__}.child")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-X", "utf8", "-c", program, *map(str, pipes.childs), *_more_packages()],
                stdin=subprocess.DEVNULL,
                stdout=pipes.output_end,
                stderr=pipes.output_end,
                pass_fds=pipes.childs,
                cwd="/",
                env=environment,
                start_new_session=True,
            )
        finally:
            pipes.close_childs()
        hello = [str(self.file), self._exercise.id if self._exercise else "", self._temporary]
        match self._exchange(hello, START_SECONDS):
            case [int() as landlock, bool() as seccomp]:
                self._confinement = Confinement(landlock, seccomp)
            case other:
                output = pipes.output.decode(errors="replace")[-4000:]
                raise GraderError(f"the process for the file did not start ({other})\n{output}")

    def _exchange(self, message: PlainData, seconds: float) -> PlainData | Crash:
        """The answer to a message, or the crash that ended the process."""
        assert self._pipes is not None
        if self._closed:
            self._kill()
            raise Cancelled
        reason = self._pipes.exchange(encode(message), seconds)
        if isinstance(reason, bytes):
            with contextlib.suppress(WireError):
                return decode(reason)
            reason = "it wrote into the grader's pipe"
        if not reason and not self._ends():
            reason = "it closed the grader's pipe"
        self._kill()
        code = self._reap()
        if self._closed:
            raise Cancelled
        return self._crash(reason, code, seconds - GRACE)

    def _crash(self, reason: str, code: int, seconds: float) -> Crash:
        """What the end of the process means."""
        assert self._pipes is not None
        trace = self._pipes.traces.decode("ascii", "replace")
        line = _line_of(self.file, trace)
        text = ""
        if line and isinstance(self.source, str):
            text = self.source.split("\n")[line - 1].strip()[:200]
        if reason == _TIME or trace.startswith("Timeout") or code == -signal.SIGXCPU:
            return Crash("time", f"no end after {seconds:g} s", line, text)
        if reason == _OUTPUT:
            return Crash("output", f"more than {MAX_OUTPUT // 1_000_000} MB", line, text)
        if reason:
            return Crash("denied", reason, line, text)
        if code == LOST:
            return Crash("denied", "it closed the grader's pipe", line, text)
        if code >= 0:
            return Crash("exit", f"os._exit({code}) was called", line, text)
        if code == -signal.SIGKILL:
            return Crash("killed", "SIGKILL; the machine may be short of memory", line, text)
        with contextlib.suppress(ValueError):
            number = signal.Signals(-code)
            return Crash("killed", f"{signal.strsignal(number)} ({number.name})", line, text)
        return Crash("killed", f"signal {-code}", line, text)

    def _kill(self) -> None:
        with self._killing:
            if self._process is not None and self._process.returncode is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: the latter for a zombie
                    os.killpg(self._process.pid, signal.SIGKILL)

    def _ends(self) -> bool:
        """Whether the process ends, now that its pipe has: that is immediately, unless it only closed the pipe."""
        assert self._process is not None
        end = time.monotonic() + 1.0
        while time.monotonic() < end and not self._closed:
            with self._killing:
                if self._process.poll() is not None:
                    return True
            time.sleep(0.001)
        return False

    def _reap(self) -> int:
        assert self._process is not None
        while True:
            with self._killing:
                # Its pipe has ended or it was killed: this is soon.
                code = self._process.poll()
            if code is not None:
                return code
            time.sleep(0.001)

    def _clean_up(self) -> None:
        if self._process is not None:
            self._reap()
        if self._pipes is not None:
            self._pipes.close()
            self._pipes = None
            self._ended = self._ended or Crash("killed", "the check was cancelled")
        if self._temporary:
            with contextlib.suppress(RecursionError):  # folders in folders in folders
                shutil.rmtree(self._temporary, ignore_errors=True)


_TIME, _OUTPUT = "time", "output"


class _Pipes:
    """The pipes to and from the child."""

    def __init__(self) -> None:
        childs_requests, self._requests = os.pipe()
        self._answers, childs_answers = os.pipe()
        self._traces, childs_traces = os.pipe()
        self._output, self.output_end = os.pipe()
        #: The child's ends, in the order of its arguments
        self.childs = (childs_requests, childs_answers, childs_traces)
        self.traces = bytearray()
        #: The first part of what reached standard output and standard error
        self.output = bytearray()
        self._total = 0
        self._answer = bytearray()
        for descriptor in (self._requests, self._answers, self._traces, self._output):
            os.set_blocking(descriptor, False)

    def close_childs(self) -> None:
        """Close what only the child needs."""
        for descriptor in (*self.childs, self.output_end):
            os.close(descriptor)

    def close(self) -> None:
        """Close this side's ends."""
        for descriptor in (self._requests, self._answers, self._traces, self._output):
            os.close(descriptor)

    def exchange(self, frame: bytes, seconds: float) -> bytes | str:
        """The frame that answers ``frame``; or why there is none (empty: the child has ended)."""
        end = time.monotonic() + seconds
        pending = memoryview(frame)
        self._answer.clear()
        with selectors.DefaultSelector() as selector:
            for descriptor in (self._answers, self._output, self._traces):
                selector.register(descriptor, selectors.EVENT_READ)
            selector.register(self._requests, selectors.EVENT_WRITE)
            while (left := end - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    if key.fd == self._requests:
                        pending = self._write(pending)
                        if not pending:
                            selector.unregister(key.fd)
                        continue
                    data = _read_some(key.fd)
                    if key.fd == self._answers:
                        self._answer += data
                        if not data:
                            self._drain()
                            return ""
                        if (answer := self._complete()) is not None:
                            return answer
                    elif not data:
                        selector.unregister(key.fd)
                    elif not self._keep(key.fd, data):
                        return _OUTPUT
            return _TIME

    def _complete(self) -> bytes | str | None:
        """The answer, if all of it is there."""
        if len(self._answer) < HEAD:
            return None
        try:
            length = HEAD + size_of(bytes(self._answer[:HEAD]))
        except WireError as error:
            return str(error)
        if len(self._answer) < length:
            return None
        return bytes(self._answer) if len(self._answer) == length else "it wrote into the grader's pipe"

    def _write(self, pending: memoryview) -> memoryview:
        try:
            return pending[os.write(self._requests, pending) :]
        except BrokenPipeError:  # its answers will end, too
            return pending[len(pending) :]

    def _keep(self, descriptor: int, data: bytes) -> bool:
        """Keep a first part of traces and output; False: that is too much output."""
        if descriptor == self._traces:
            self.traces += data[: _MAX_TRACE - len(self.traces)]
            return True
        self._total += len(data)
        self.output += data[: _MAX_TRACE - len(self.output)]
        return self._total <= MAX_OUTPUT

    def _drain(self) -> None:
        """What the child wrote before it ended; a process that it left behind may keep the pipes open."""
        for descriptor in (self._traces, self._output):
            with contextlib.suppress(BlockingIOError):
                while data := os.read(descriptor, 1 << 16):
                    if not self._keep(descriptor, data):
                        return


def _read_some(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 20)
    except BlockingIOError:
        return b""


def _more_packages() -> list[str]:
    """Where packages are that ``python -I`` does not look for: PYTHONPATH, and the user's own."""
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if os.path.isabs(path)]
    return paths + [path for path in [site.getusersitepackages()] if path in sys.path]


def _read(reader: Callable[[PlainData], _T], plain: PlainData) -> _T:
    try:
        return reader(plain)
    except (WireError, TypeError, ValueError) as error:
        raise GraderError(f"an answer of another form ({error})") from error


def _line_of(file: Path, trace: str) -> int:
    """The line of ``file`` in a trace of the interpreter's own; the main thread comes last there."""
    name = "".join(c if " " <= c <= "~" else c.encode("ascii", "backslashreplace").decode() for c in str(file))[:500]
    found = 0
    for thread in trace.split("hread 0x"):
        if match := re.search(rf'File "{re.escape(name)}(?:\.\.\.)?"?, line (\d+)', thread):
            found = int(match[1])
    return found
