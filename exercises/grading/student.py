"""What a probe holds while it tries somebody's code: calls are watched, values are recorded."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from .recording import Crash, Observed, Recording, Signature, observe


class StudentError(Exception):
    """The code under test raised something; ``crash`` says what and where."""

    def __init__(self, crash: Crash) -> None:
        super().__init__(crash.message)
        self.crash = crash


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
        self._call = ""
        self._results: list[tuple[str, list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]]] = []

    def call(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What ``function(*arguments, **options)`` returns. Changed arguments and shared memory are recorded.

        Raises StudentError, which ends the probe; what was seen until then stays recorded.
        """
        self._call = describe(function, len(arguments), options)
        named = list(zip(_parameters(function, len(arguments)), arguments, strict=False)) + list(options.items())
        before = [(name, value, list(_arrays(value))) for name, value in named]
        copies = [[array.copy() for array in arrays] for _, _, arrays in before]
        try:
            result = function(*arguments, **options)
        except BaseException as error:
            raise StudentError(crash_of(error, self.module.__file__ or "", self._call)) from error
        returned = list(_arrays(result))
        for (name, value, arrays), old in zip(before, copies, strict=True):
            now = list(_arrays(value))
            if len(now) != len(old) or not all(map(_same, now + arrays, old + old)):
                self._note(self.recording.mutated, f"{name} of {self._call}")
            if any(np.shares_memory(array, other) for array in arrays for other in returned):
                self._note(self.recording.aliased, f"{self._call} returned {name} itself, or a view of it")
        self._results.append((self._call, [(array, array.copy()) for array in returned]))
        return result

    def see(self, name: str, value: object) -> None:
        """Record ``value`` under ``name``: what the message calls it."""
        self.recording.values[name] = observe(value, self._call)

    def see_parts(self, names: Iterable[str], values: object) -> None:
        """Record the parts of a tuple or list in the order of ``names``; what is missing is recorded as missing."""
        parts = list(values) if isinstance(values, tuple | list) else [values]
        for index, name in enumerate(names):
            self._see_or_miss(name, parts, index, index < len(parts))

    def see_keys(self, names: Iterable[str], values: object) -> None:
        """Record the entries ``names`` of a dictionary; what is missing is recorded as missing."""
        for name in names:
            self._see_or_miss(name, values, name, isinstance(values, Mapping) and name in values)

    def see_attributes(self, names: Iterable[str], owner: object) -> None:
        """Record the attributes ``names`` of ``owner``; what is missing is recorded as missing."""
        for name in names:
            if hasattr(owner, name):
                self.see(name, getattr(owner, name))
            else:
                self.recording.values[name] = Observed("missing", "", self._call)

    def reveal(self, name: str, value: float) -> None:
        """Show a measured number beside the learner's guess."""
        self.recording.revealed[name] = float(value)

    def normal(self, *shape: int, scale: float = 1.0) -> npt.NDArray[np.float64]:
        """Random numbers from a normal distribution: float64, (*shape)."""
        return self.rng.normal(0.0, scale, shape)

    def fill(self, owner: object, *names: str, scale: float = 0.5) -> None:
        """Replace the arrays ``names`` of ``owner`` by random ones of the same shape; none of them is zero."""
        for name in names:
            shape = np.shape(getattr(owner, name, ()))
            setattr(owner, name, self.normal(*shape, scale=scale))

    def finish(self) -> Recording:
        """The recording, complete."""
        for index, (call, pairs) in enumerate(self._results, 1):
            if any(not _same(array, copy) for array, copy in pairs):
                self._note(self.recording.overwritten, f"what {call} had returned (call {index} of this check)")
        return self.recording

    def _see_or_miss(self, name: str, values: Any, key: int | str, there: bool) -> None:
        if there:
            self.see(name, values[key])
        else:
            self.recording.values[name] = Observed("missing", type(values).__name__, self._call)

    @staticmethod
    def _note(notes: list[str], text: str) -> None:
        if text not in notes:
            notes.append(text)


def describe(function: Callable[..., Any], arguments: int, options: Iterable[str] = ()) -> str:
    """``LSTMCell.forward(x, h_prev, c_prev)``: a call as messages write it."""
    name = getattr(function, "__qualname__", type(function).__name__)
    return f"{name}({', '.join([*_parameters(function, arguments), *(f'{option}=…' for option in options)])})"


def crash_of(error: BaseException, file: str, call: str = "") -> Crash:
    """What an exception of the code in ``file`` means for its author."""
    line, source = 0, ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == file:
            line, source = frame.lineno or 0, (frame.line or "").strip()
    text = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")
    match error:
        case NotImplementedError():
            kind = "unwritten"
        case SystemExit():
            kind, text = "exit", f"sys.exit({error.code!r}) was called"
        case RecursionError():
            kind = "recursion"
        case MemoryError():
            kind = "memory"
        case PermissionError():
            kind = "denied"
        case ImportError():
            kind = "import"
        case _:
            kind = "raised"
    return Crash(kind, text[:500], line, source[:200], call)  # type: ignore[arg-type]


def signature(module: ModuleType, wanted: str) -> Signature:
    """What the module has under a dotted name such as ``LSTMCell.forward``."""
    from difflib import get_close_matches

    owner: object = module
    for part in wanted.split("."):
        if not hasattr(owner, part):
            close = get_close_matches(part, [name for name in vars(owner) if not name.startswith("_")], n=1)
            return Signature(False, similar=close[0] if close else "")
        previous, owner = owner, getattr(owner, part)
    if not callable(owner):
        return Signature(True)
    try:
        parameters = list(inspect.signature(owner).parameters.values())
    except (ValueError, TypeError):
        return Signature(True, True, 0, -1)
    if inspect.isclass(previous) and not isinstance(inspect.getattr_static(previous, part), staticmethod | classmethod):
        parameters = parameters[1:]  # self
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    most = -1 if any(p.kind == p.VAR_POSITIONAL for p in parameters) else len(positional)
    return Signature(True, True, sum(p.default is p.empty for p in positional), most)


def _parameters(function: Callable[..., Any], count: int) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)
    except (ValueError, TypeError):
        names = []
    return [names[index] if index < len(names) else f"argument {index + 1}" for index in range(count)]


def _arrays(value: object) -> Iterator[npt.NDArray[Any]]:
    """The arrays in ``value``, in containers too."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _arrays(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _arrays(part)


def _same(array: npt.NDArray[Any], copy: npt.NDArray[Any]) -> bool:
    return array.shape == copy.shape and np.array_equal(array, copy, equal_nan=array.dtype.kind in "fc")
