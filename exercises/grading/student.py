"""What a probe holds while it tries somebody's code: calls are watched, values are recorded."""

from __future__ import annotations

import contextlib
import inspect
import os
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from .recording import MAX_ENTRIES, Crash, Observed, Recording, Signature, observe

#: Arrays in one argument or result that are watched
MAX_ARRAYS = 2000


class StudentError(Exception):
    """The code under test raised something; ``crash`` says what and where."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(crash.message)
        self.crash = crash


class TooMuchOutput(BaseException):
    """What is raised into code that prints without end."""


class Student:
    """Somebody's module, seen by a probe.

    A probe is a function ``probe(student)``. It makes its inputs with :attr:`rng`, runs the code under test with
    :meth:`call`, and records what came out with :meth:`see`, in order of dependency.
    """

    def __init__(self, module: ModuleType, seed: int) -> None:
        #: The executed file
        self.module = module
        #: The same numbers for the learner's file, the solution and every mutant
        self.rng = np.random.default_rng(seed)
        self.recording = Recording()
        #: How messages write the latest call
        self.last_call = ""
        self._results: list[tuple[str, list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]]] = []

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What ``function(*arguments, **options)`` returns. Changed arguments and shared memory are recorded.

        Raises StudentError, which ends the probe; what was seen until then stays recorded.
        """
        self.last_call = describe(function, len(arguments), options)
        named = list(zip(_parameters(function, len(arguments)), arguments, strict=False)) + list(options.items())
        before = [(name, value, _arrays(value)) for name, value in named]
        copies = [[array.copy() for array in arrays] for _, _, arrays in before]
        with self._theirs():
            result = function(*arguments, **options)
        returned = _arrays(result)
        for (name, value, arrays), old in zip(before, copies, strict=True):
            now = _arrays(value)
            if len(now) != len(old) or not all(map(_same, now + arrays, old + old)):
                self._note(self.recording.mutated, f"{name} of {self.last_call}")
            if any(_share_memory(array, other) for array in arrays for other in returned):
                self._note(self.recording.aliased, f"{self.last_call} returned {name} itself, or a view of it")
        self._results.append((self.last_call, [(array, array.copy()) for array in returned]))
        return result

    def see(self, name: str, value: object) -> None:
        """Record ``value`` under ``name``: what the message calls it."""
        with self._theirs():
            self.recording.values[name] = observe(value, self.last_call)

    def see_parts(self, names: Iterable[str], values: object) -> None:
        """Record the parts of a tuple or list in the order of ``names``; what is missing is recorded as missing.

        One array or number is the first part: the others were forgotten.
        """
        with self._theirs():
            if isinstance(values, tuple | list):
                parts, what = list(values), f"{len(values)} values"
            else:
                parts, what = [values] if observe(values, "").kind == "array" else [], _a_value(values)
        for index, name in enumerate(names):
            if index < len(parts):
                self.see(name, parts[index])
            else:
                self._miss(name, what)

    def see_keys(self, names: Iterable[str], values: object) -> None:
        """Record the entries ``names`` of a dictionary; what is missing is recorded as missing."""
        for name in names:
            with self._theirs():
                found = [values[name]] if isinstance(values, Mapping) and name in values else []
                what = _without(values) if isinstance(values, Mapping) else _a_value(values)
            if found:
                self.see(name, found[0])
            else:
                self._miss(name, what)

    def see_attributes(self, names: Iterable[str], owner: object) -> None:
        """Record the attributes ``names`` of ``owner``; what is missing is recorded as missing."""
        for name in names:
            with self._theirs():
                there, value = hasattr(owner, name), getattr(owner, name, None)
            if there:
                self.see(name, value)
            else:
                self._miss(name, f"{_a_value(owner)} without it")

    def reveal(self, name: str, value: float) -> None:
        """Show a measured number beside the learner's guess."""
        with self._theirs():
            self.recording.revealed[name] = float(value)

    def normal(self, *shape: int, scale: float = 1.0) -> npt.NDArray[np.float64]:
        """Random numbers from a normal distribution: float64, (*shape)."""
        return self.rng.normal(0.0, scale, shape)

    def fill(self, owner: object, *names: str, scale: float = 0.5) -> None:
        """Replace the arrays ``names`` of ``owner`` by random ones of the same shape; none of them is zero."""
        for name in names:
            with self._theirs():
                shape = np.shape(getattr(owner, name, ()))
                setattr(owner, name, self.normal(*shape, scale=scale))

    def finish(self) -> Recording:
        """The recording, complete."""
        for index, (call, pairs) in enumerate(self._results, 1):
            if any(not _same(array, copy) for array, copy in pairs):
                self._note(self.recording.overwritten, f"what {call} had returned (call {index} of this check)")
        return self.recording

    def _miss(self, name: str, what: str) -> None:
        """Record that a name is missing from ``what`` a call returned."""
        self.recording.values[name] = Observed("missing", "", self.last_call, text=what)

    @contextlib.contextmanager
    def _theirs(self) -> Iterator[None]:
        """Whatever is raised here is the doing of the code under test: its objects may be of any kind."""
        try:
            yield
        except (StudentError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise StudentError(crash_of(error, self.module.__file__ or "", self.last_call)) from error

    @staticmethod
    def _note(notes: list[str], text: str) -> None:
        if text not in notes:
            notes.append(text)


def describe(function: Callable[..., Any], arguments: int, options: Iterable[str] = ()) -> str:
    """``LSTMCell.forward(x, h_prev, c_prev)``: a call as messages write it."""
    name = str(getattr(function, "__qualname__", type(function).__name__))[:100]
    return f"{name}({', '.join([*_parameters(function, arguments), *(f'{option}=…' for option in options)])})"


def crash_of(error: BaseException, file: str, call: str = "") -> Crash:
    """What an exception of the code in ``file`` means for its author."""
    line, source, helper = 0, "", ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            line, source, helper = frame.lineno or 0, (frame.line or "").strip(), ""
        elif os.path.isabs(frame.filename) and os.path.dirname(frame.filename) == os.path.dirname(file):
            helper = f" ({os.path.basename(frame.filename)}, line {frame.lineno})"
    try:
        said = str(error)
    except Exception:
        said = ""
    text = " ".join(f"{type(error).__name__}: {said}"[:500].split()).removesuffix(":") + helper
    match error:
        case NotImplementedError():
            kind, text = "unwritten", text.removeprefix("NotImplementedError: ")
        case SystemExit():
            kind, text = "exit", f"sys.exit({'' if error.code is None else repr(error.code)[:100]}) was called"
        case TooMuchOutput():
            kind, text = "output", said
        case SyntaxError() if os.path.dirname(error.filename or "") == os.path.dirname(file):
            kind = "syntax"  # of a file beside it, which it imports
        case RecursionError():
            kind = "recursion"
        case MemoryError():
            kind = "memory"
        case EOFError():
            kind = "input"
        case OSError() if isinstance(error, PermissionError) or isinstance(error.__context__, PermissionError):
            kind = "denied"
        case ImportError():
            kind = "import"
        case _:
            kind = "raised"
    return Crash(kind, text, line, source[:200], call)  # type: ignore[arg-type]


def signature(module: ModuleType, wanted: str) -> Signature:
    """What the module has under a dotted name such as ``LSTMCell.forward``. Raises StudentError."""
    try:
        return _signature(module, wanted)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise StudentError(crash_of(error, module.__file__ or "")) from error


def _signature(module: ModuleType, wanted: str) -> Signature:
    from difflib import get_close_matches

    owner: object = module
    for part in wanted.split("."):
        if not hasattr(owner, part):
            close = get_close_matches(part, [name for name in dir(owner) if not name.startswith("_")], n=1)
            return Signature(False, similar=close[0] if close else "")
        previous, owner = owner, getattr(owner, part)
    if not callable(owner):
        return Signature(True)
    first = ""
    try:
        parameters = list(inspect.signature(owner).parameters.values())
    except (ValueError, TypeError):
        return Signature(True, True, 0, -1)
    if inspect.isclass(previous) and not isinstance(inspect.getattr_static(previous, part), staticmethod | classmethod):
        first = parameters[0].name if parameters and parameters[0].name != "self" else ""
        parameters = parameters[1:]
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    most = -1 if any(p.kind == p.VAR_POSITIONAL for p in parameters) else len(positional)
    return Signature(True, True, sum(p.default is p.empty for p in positional), most, first=first)


def _parameters(function: Callable[..., Any], count: int) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)
    except Exception:  # a callable object may be anything
        names = []
    return [names[index] if index < len(names) else f"argument {index + 1}" for index in range(count)]


def _a_value(value: object) -> str:
    """``None``, ``a value of type list``: what messages call it."""
    return "None" if value is None else f"a value of type {str(type(value).__name__)[:100]}"


def _without(values: Mapping[object, object]) -> str:
    """``a dictionary without it, only dw, db``: at most eight of its keys."""
    keys = [str(key)[:40] for key in islice(values, 9)]
    return f"a dictionary without it{', only ' + ', '.join(keys) if 0 < len(keys) < 9 else ''}"


def _arrays(value: object) -> list[npt.NDArray[Any]]:
    """The first arrays of numbers in ``value``, in containers too; methods of subclasses are not asked."""
    return list(islice(_each_array(value, 5), MAX_ARRAYS))


def _each_array(value: object, depth: int) -> Iterator[npt.NDArray[Any]]:
    if isinstance(value, np.ndarray):
        array = np.ndarray.view(value, np.ndarray)
        if array.dtype.kind in "biufc" and array.size <= MAX_ENTRIES:
            yield array
    elif depth:
        parts: Iterator[object] = iter(())
        if isinstance(value, dict):
            parts = iter(list(dict.values(value)))
        elif isinstance(value, list):
            parts = list.__iter__(value)
        elif isinstance(value, tuple):
            parts = tuple.__iter__(value)
        for part in parts:
            yield from _each_array(part, depth - 1)


def _same(array: npt.NDArray[Any], copy: npt.NDArray[Any]) -> bool:
    return array.shape == copy.shape and np.array_equal(array, copy, equal_nan=array.dtype.kind in "fc")


def _share_memory(array: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    try:
        return np.shares_memory(array, other, max_work=100_000)  # type: ignore[arg-type]
    except RuntimeError:  # numpy's TooHardError: views with odd strides of the same memory
        return True
