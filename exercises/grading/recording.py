"""What running somebody's code showed: plain values that can cross from one process to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

#: ``nothing``: None. ``missing``: a key or an attribute that is not there. ``object``: anything else.
ValueKind = Literal["array", "text", "nothing", "missing", "object"]


@dataclass(frozen=True)
class Observed:
    """One value that a probe looked at."""

    kind: ValueKind
    #: The name of the value's Python type
    type: str
    #: The call that it came from
    call: str
    #: Its numbers, if it has any: float64 (or int64, bool, complex128 as they were), any shape
    array: npt.NDArray[Any] | None = None
    #: The dtype that it had
    dtype: str = ""
    text: str = ""


CrashKind = Literal[
    "syntax",  # not Python
    "encoding",  # not UTF-8
    "missing",  # no such file
    "empty",
    "import",  # an import failed
    "shadow",  # a file beside it hides a module, such as numpy.py
    "patched",  # a part of NumPy or Python was replaced
    "unwritten",  # NotImplementedError
    "raised",  # any other exception
    "input",  # input(), and nobody to answer
    "exit",  # sys.exit
    "recursion",
    "time",
    "memory",
    "output",  # printed too much
    "denied",  # a file or an operation outside what is allowed
    "unusable",  # the probe failed on what was returned
    "killed",  # by a signal, such as a segmentation fault
]


@dataclass(frozen=True)
class Crash:
    """Why the code did not come to its end."""

    kind: CrashKind
    #: The exception's type and text, or what happened, in one line
    message: str
    #: The line in the learner's file, counted from 1, or 0
    line: int = 0
    #: The text of that line
    source: str = ""
    #: The call during which it happened
    call: str = ""


@dataclass
class Recording:
    """What one probe saw, in order of dependency: a value that is wrong can spoil only those after it."""

    values: dict[str, Observed] = field(default_factory=dict)
    #: "argument x of forward": arguments that a call changed
    mutated: list[str] = field(default_factory=list)
    #: "forward returned h_prev itself": results that share memory with an argument
    aliased: list[str] = field(default_factory=list)
    #: "what forward returned first": results that a later call changed
    overwritten: list[str] = field(default_factory=list)
    #: Numbers measured for the learner's predictions
    revealed: dict[str, float] = field(default_factory=dict)
    #: What the code printed, shortened
    printed: str = ""
    crash: Crash | None = None


@dataclass(frozen=True)
class Signature:
    """What a name of the file is: for the rung that looks at names."""

    found: bool
    callable: bool = False
    #: The least and the greatest number of positional arguments; -1: any number
    least: int = 0
    most: int = 0
    #: A name of the file that is close to the one wanted
    similar: str = ""
    #: Of a method that is written without ``self``: its first parameter
    first: str = ""


#: Arrays with more entries are not looked at: they are wrong in shape.
MAX_ENTRIES = 2_000_000
_WIDE = {"b": np.bool_, "i": np.int64, "u": np.uint64, "f": np.float64, "c": np.complex128}


def observe(value: object, call: str) -> Observed:
    """``value`` as plain data. An array-like that fails is an object."""
    name = str(type(value).__name__)[:100]
    if value is None:
        return Observed("nothing", name, call)
    if isinstance(value, str):
        return Observed("text", name, call, text=str.__str__(value)[:1000])
    try:
        array = np.asarray(value)
    except Exception:  # lists of different lengths, an object whose __array__ fails
        return Observed("object", name, call)
    if array.dtype.kind not in _WIDE:
        return Observed("object", f"{name} of dtype {array.dtype}" if isinstance(value, np.ndarray) else name, call)
    if array.size > MAX_ENTRIES:
        return Observed("object", f"{name} of shape {array.shape}", call)
    return Observed("array", name, call, array=array.astype(_WIDE[array.dtype.kind]), dtype=str(array.dtype))
