"""Checks of arguments. For a misspelled one the error names what was called, and what was probably meant.

``checked`` compares what a public function or class is called with to its annotations, which may name a range, as
``Size`` does: so the signature says what is expected, and is also what refuses everything else.
"""

from __future__ import annotations

import collections.abc
import difflib
import functools
import inspect
import itertools
import numbers
import os
import sys
import types
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import ArrayLike

from .errors import ArgumentError

_C = TypeVar("_C", bound=type)
_F = TypeVar("_F", bound=Callable[..., Any])
_A = TypeVar("_A")

#: Sizes are 32-bit integers in the core, and so are symbols.
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Range:
    """In an annotation, ``Annotated[int, Range(1, 9)]``: low ≤ value ≤ high."""

    low: float
    high: float

    def __str__(self) -> str:
        if self.high == float("inf"):
            return f"of at least {self.low}"
        return f"of at least {self.low}" if self.high >= LARGEST else f"from {self.low} to {self.high}"


#: How long, wide or many something is that there must be, and that there may be.
Size = Annotated[int, Range(1, LARGEST)]
Count = Annotated[int, Range(0, LARGEST)]
#: More layers or threads than anybody has use for would only take long to make.
Depth = Annotated[int, Range(1, 2**20)]
Threads = Annotated[int, Range(1, 1024)]
#: A seed of NumPy's generators.
Seed = Annotated[int, Range(0, 2**63 - 1)]
Probability = Annotated[float, Range(0.0, 1.0)]
#: Any finite number of at least 0.
Amount = Annotated[float, Range(0.0, sys.float_info.max)]


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raises ArgumentError unless ``value`` is one of ``allowed``."""
    choices = list(allowed)
    if not isinstance(value, str) or value not in choices:
        raise ArgumentError(f"{name}: got {_shown(value)}, {_hint(value, choices, 'one of ' + ', '.join(choices))}")


def check_at_least(name: str, value: object, minimum: int, maximum: int = LARGEST) -> None:
    """Raises ArgumentError unless ``value`` is an integer from ``minimum`` to ``maximum``."""
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise ArgumentError(f"{name}: got {_shown(value)}, expected an integer {Range(minimum, maximum)}")


def check_memory(name: str, value: object, count: int, itemsize: int = 8) -> None:
    """Raises ArgumentError if ``count`` numbers of ``itemsize`` bytes are more than this machine's memory.

    ``name`` and ``value`` are the setting that makes them so many. The system would promise the memory, and end the
    process once it is used.
    """
    if count * itemsize > _memory_bytes():
        size = f"{count * itemsize / 2**30:,.0f} GB of memory; this machine has {_memory_bytes() / 2**30:,.0f} GB"
        raise ArgumentError(f"{name}: got {_shown(value)}, which needs {size}")


@functools.cache
def _memory_bytes() -> int:
    try:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ImportError, AttributeError, OSError, ValueError):  # not a POSIX system
        return sys.maxsize
    return physical if limit == resource.RLIM_INFINITY else min(limit, physical)


def check_within(name: str, value: float, low: float, high: float) -> None:
    """Raises ArgumentError unless ``value`` is a number in [low, high)."""
    if not _is_number(value) or not low <= value < high:
        raise ArgumentError(f"{name}: got {_shown(value)}, expected a number in [{low}, {high})")


def check_types(config: object) -> None:
    """Raises ArgumentError unless each field of a dataclass has the type that is declared for it.

    An integer will do where a float is declared. Which of its choices a text is, is for others to check.
    """
    cls: Any = type(config)
    for name, kind in _fields(cls).items():
        value = getattr(config, name)
        if not kind.fits(value) and not (kind.choices and isinstance(value, str)):
            raise ArgumentError(f"{name}: got {_shown(value)}, expected {kind.expected}")


@functools.cache
def _fields(cls: type) -> dict[str, _Kind]:
    kinds = {name: _kind(hint) for name, hint in get_type_hints(cls, include_extras=True).items()}
    return {name: kind for name, kind in kinds.items() if kind is not None}


def checked(public: _A) -> _A:
    """A decorator of functions, or of classes and so of their constructors and public methods: an argument that does
    not fit its annotation is an ``ArgumentError`` that names it."""
    if not isinstance(public, type):
        return _checked_function(public)  # type: ignore[type-var]
    for name, member in list(vars(public).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, types.FunctionType):
            setattr(public, name, _checked_function(member))
        elif isinstance(member, classmethod | staticmethod):
            setattr(public, name, type(member)(_checked_function(member.__func__)))
        elif isinstance(member, property) and member.fset is not None:
            setattr(public, name, member.setter(_checked_function(member.fset)))
    return public


def _checked_function(function: _F) -> _F:
    if getattr(function, "__isabstractmethod__", False) or hasattr(function, "_checked"):
        return function

    @functools.wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        names, kinds = _kinds(function)
        for name, value in itertools.chain(zip(names, args, strict=False), keywords.items()):
            kind = kinds.get(name)
            if kind is not None and not kind.fits(value):
                raise ArgumentError(f"{name}: got {_shown(value)}, {_hint(value, kind.choices, kind.expected)}")
        # NumPy's integers would overflow in what is computed from them, and do not go into a file's description.
        whole = [int(value) if isinstance(value, np.integer) else value for value in args]
        for name, value in keywords.items():
            if isinstance(value, np.integer):
                keywords[name] = int(value)
        return function(*whole, **keywords)

    call._checked = True  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


class _Kind(NamedTuple):
    """What an annotation stands for."""

    fits: Callable[[Any], bool]
    expected: str
    #: For a hint at what was probably meant.
    choices: tuple[str, ...] = ()


@functools.cache
def _kinds(function: Callable[..., Any]) -> tuple[tuple[str, ...], dict[str, _Kind]]:
    """The names of positional parameters, and what those fit that have an annotation to compare with."""
    parameters = inspect.signature(function).parameters.values()
    positional = tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))
    inner = inspect.unwrap(function)
    names = {**vars(sys.modules[inner.__module__]), **getattr(inner, "__globals__", {})}
    kinds = {}
    for parameter in parameters:
        annotation = inner.__annotations__.get(parameter.name)
        if annotation is not None and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            try:
                one = types.SimpleNamespace(__annotations__={parameter.name: annotation})
                hint = get_type_hints(one, names, include_extras=True)[parameter.name]
            except NameError:  # a type that only type checkers know
                continue
            kind = _kind(hint)
            if kind is not None:
                kinds[parameter.name] = kind
    return positional, kinds


def _is_integer(value: object) -> bool:
    """One that fits 64 bits; True is none."""
    if type(value) is not int and (isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral)):
        return False
    return -(2**63) <= int(value) < 2**64


def _is_number(value: object) -> bool:
    if type(value) is float:
        return True
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        return False
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _is_array(value: object) -> bool:
    """Whether NumPy makes numbers of it."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biuf"
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except (ValueError, TypeError, OverflowError, RecursionError):
        return False


_SIMPLE = {
    bool: _Kind(lambda value: isinstance(value, bool | np.bool_), "True or False"),
    int: _Kind(_is_integer, "an integer"),
    float: _Kind(_is_number, "a number"),
    str: _Kind(lambda value: isinstance(value, str), "a text"),
    type(None): _Kind(lambda value: value is None, "None"),
    np.ndarray: _Kind(
        lambda value: isinstance(value, np.ndarray) and value.dtype.kind in "biuf", "an array of numbers"
    ),
    ArrayLike: _Kind(_is_array, "numbers, as an array or lists of one length"),
    object: None,
    Any: None,
}


def _kind(hint: Any) -> _Kind | None:
    """None for what cannot be compared."""
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _ranged(inner[0], next(extra for extra in inner[1:] if isinstance(extra, Range)))
    if origin is Literal:
        return _Kind(lambda value: isinstance(value, str) and value in inner, f"one of {', '.join(inner)}", inner)
    if origin in (Union, types.UnionType):
        kinds = [_kind(each) for each in inner]
        known = [kind for kind in kinds if kind is not None]
        if len(known) < len(kinds):
            return None
        expected, choices = " or ".join(kind.expected for kind in known), sum((kind.choices for kind in known), ())
        return _Kind(lambda value: any(kind.fits(value) for kind in known), expected, choices)
    if origin is collections.abc.Callable:
        return _Kind(callable, "a function")
    if origin is tuple or (isinstance(origin, type) and issubclass(origin, collections.abc.Iterable)):
        return _collection(origin, inner)
    if origin is not None:  # os.PathLike[str], of which instances are those of os.PathLike
        hint = origin
    if not isinstance(hint, type):
        return None
    if getattr(hint, "_is_protocol", False):
        names = [name for name in vars(hint) if not name.startswith("_")]
        return _Kind(lambda value: all(hasattr(value, name) for name in names), f"an {hint.__name__}")
    return _Kind(lambda value: isinstance(value, hint), f"a {hint.__name__}")


def _ranged(hint: Any, limits: Range) -> _Kind:
    kind = _SIMPLE[hint]
    assert kind is not None
    return _Kind(lambda value: kind.fits(value) and limits.low <= value <= limits.high, f"{kind.expected} {limits}")


def _collection(origin: type, inner: tuple[Any, ...]) -> _Kind:
    """A collection whose entries are looked at only where that does not use them up."""
    names: dict[type, str] = {tuple: "a tuple", dict: "a dict", collections.abc.Mapping: "a dict"}
    expected = names.get(
        origin, "a list" if issubclass(origin, collections.abc.Sequence) else "something to iterate over"
    )
    if not issubclass(origin, collections.abc.Mapping | collections.abc.Sequence):
        return _Kind(lambda value: isinstance(value, origin), expected)
    kinds = [_kind(each) for each in inner if each is not Ellipsis]
    if origin is tuple and Ellipsis not in inner:
        return _Kind(
            lambda value: (
                isinstance(value, tuple)
                and len(value) == len(kinds)
                and all(kind is None or kind.fits(entry) for kind, entry in zip(kinds, value, strict=True))
            ),
            f"a tuple of {len(kinds)}",
        )

    def fits(value: Any) -> bool:
        if not isinstance(value, origin) or isinstance(value, str | bytes):
            return False
        columns: tuple[Iterable[Any], ...] = (
            (value.keys(), value.values()) if isinstance(value, collections.abc.Mapping) else (value,)
        )
        return all(kind is None or all(map(kind.fits, column)) for kind, column in zip(kinds, columns, strict=False))

    known = kinds[-1] if kinds else None
    if known is not None:
        between = " with, for each name, " if len(kinds) == 2 else " of "
        expected += between + known.expected
    return _Kind(fits, expected)


def _shown(value: object) -> str:
    """Short, whatever it is."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    try:
        text = repr(value)
    except Exception:
        return type(value).__name__
    return text if len(text) <= 60 else f"{text[:50]}…"


def checked_keywords(cls: _C) -> _C:
    """A class decorator: a keyword that the constructor does not know is an ``ArgumentError`` that names the class
    and the keyword that was probably meant."""
    constructor = vars(cls)["__init__"]

    @functools.wraps(constructor)
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:
        known = _keywords(constructor)
        for name in keywords:
            if known and name not in known:
                error = ArgumentError(f"unknown keyword {name!r}, {_hint(name, known, 'some of ' + ', '.join(known))}")
                error.raised_by(cls.__name__)
                raise error
        constructor(self, *args, **keywords)

    cls.__init__ = __init__  # type: ignore[misc]
    return cls


def named_errors(cls: _C) -> _C:
    """A class decorator: the constructor's errors begin with the class that was called, as in
    "Tagger: cell: got 'lstmm', did you mean 'lstm'?"; of constructors within constructors it is the outermost."""
    if "__init__" not in vars(cls):
        return cls
    constructor = vars(checked_keywords(cls))["__init__"]

    @functools.wraps(constructor)
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:
        try:
            constructor(self, *args, **keywords)
        except ArgumentError as error:
            error.raised_by(type(self).__name__)
            raise

    cls.__init__ = __init__  # type: ignore[misc]
    return cls


def passes_on(inner: type) -> Callable[[_F], _F]:
    """A decorator of constructors: keywords that are not named go to ``inner``, and so are shown as its own."""

    def decorate(constructor: _F) -> _F:
        own = [p for p in inspect.signature(constructor).parameters.values() if p.kind is not p.VAR_KEYWORD]
        names = {parameter.name for parameter in own}
        others = inspect.signature(inner).parameters.values()
        own += [p for p in others if p.kind is p.KEYWORD_ONLY and p.name not in names]
        constructor.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
        return constructor

    return decorate


@functools.cache
def _keywords(constructor: Callable[..., None]) -> tuple[str, ...]:
    """What it can be called with; nothing if that cannot be known."""
    parameters = list(inspect.signature(constructor).parameters.values())[1:]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return ()
    return tuple(parameter.name for parameter in parameters)


def _hint(given: object, known: Iterable[str], expected: str) -> str:
    near = difflib.get_close_matches(given, known, 1) if isinstance(given, str) else []
    return f"did you mean {near[0]!r}?" if near else f"expected {expected}"
