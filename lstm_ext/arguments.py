"""Checks of arguments. For a misspelled one the error names what was called, and what was probably meant."""

from __future__ import annotations

import difflib
import functools
import inspect
import numbers
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from .errors import ArgumentError

_C = TypeVar("_C", bound=type)
_F = TypeVar("_F", bound=Callable[..., Any])


def check_choice(name: str, value: object, allowed: Iterable[str]) -> None:
    """Raises ArgumentError unless ``value`` is one of ``allowed``."""
    choices = list(allowed)
    if value not in choices:
        raise ArgumentError(f"{name}: got {value!r}, {_hint(value, choices, 'one of')}")


def check_at_least(name: str, value: object, minimum: int) -> None:
    """Raises ArgumentError unless ``value`` is an integer of at least ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
        raise ArgumentError(f"{name}: got {value!r}, expected an integer of at least {minimum}")


def check_within(name: str, value: float, low: float, high: float) -> None:
    """Raises ArgumentError unless ``value`` lies in [low, high)."""
    if not low <= value < high:
        raise ArgumentError(f"{name}: got {value!r}, expected a number in [{low}, {high})")


def check_types(config: object) -> None:
    """Raises ArgumentError unless each field of a dataclass has the type that is declared for it.

    An integer, of at most 63 bits, will do where a float is declared; nothing else stands for anything else.
    """
    for name, declared in _declared(type(config)).items():
        if not _is_a(getattr(config, name), declared):
            raise ArgumentError(f"{name}: got {getattr(config, name)!r}, expected {_in_words(declared)}")


#: How constructors declare what a file can hold.
_PLAIN: dict[str, Any] = {
    "bool": bool,
    "int": int,
    "int | None": int | None,
    "float": float,
    "str": str,
    "CellName": str,
    "PoolingName": str,
    "Mapping[str, float] | None": Mapping[str, float] | None,
}


def check_call(cls: type, arguments: Iterable[Any], keywords: Mapping[str, Any]) -> None:
    """Raises ArgumentError unless what ``cls`` is about to be called with has the plain types that it declares."""
    signature = inspect.signature(cls)
    try:
        bound = signature.bind(*arguments, **keywords)
    except TypeError:  # which the call itself explains better
        return
    for name, value in bound.arguments.items():
        declared = _PLAIN.get(str(signature.parameters[name].annotation))
        if declared is not None and not _is_a(value, declared):
            raise ArgumentError(f"{name}: got {value!r}, expected {_in_words(declared)}")


_declared: Callable[[type], dict[str, Any]] = functools.cache(get_type_hints)


def _is_a(value: object, declared: Any) -> bool:
    arguments = get_args(declared)
    if declared is bool or declared is type(None):
        return type(value) is bool if declared is bool else value is None
    if declared is int or declared is float:
        whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
        return whole or (declared is float and isinstance(value, numbers.Real) and not isinstance(value, int))
    if get_origin(declared) is None:
        return isinstance(value, declared)
    if get_origin(declared) is Literal:
        return isinstance(value, str)
    if get_origin(declared) is Mapping:
        key, item = arguments
        return isinstance(value, Mapping) and all(_is_a(k, key) and _is_a(v, item) for k, v in value.items())
    return any(_is_a(value, one) for one in arguments)


def _in_words(declared: Any) -> str:
    words = {bool: "True or False", int: "an integer of at most 63 bits", float: "a number", str: "a text"}
    if declared in words:
        return words[declared]
    if get_origin(declared) is None:
        return "None" if declared is type(None) else f"a {declared.__name__}"
    if get_origin(declared) is Literal:
        return f"one of {', '.join(get_args(declared))}"
    if get_origin(declared) is Mapping:
        return f"a dict with, for each name, {_in_words(get_args(declared)[1])}"
    return " or ".join(_in_words(one) for one in get_args(declared))


def checked_keywords(cls: _C) -> _C:
    """A class decorator: a keyword that the constructor does not know is an ``ArgumentError`` that names the class
    and the keyword that was probably meant."""
    constructor = vars(cls)["__init__"]

    @functools.wraps(constructor)
    def __init__(self: Any, *args: Any, **keywords: Any) -> None:
        known = _keywords(constructor)
        for name in keywords:
            if known and name not in known:
                error = ArgumentError(f"unknown keyword {name!r}, {_hint(name, known, 'some of')}")
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


def _hint(given: object, known: Iterable[str], otherwise: str) -> str:
    near = difflib.get_close_matches(given, known, 1) if isinstance(given, str) else []
    return f"did you mean {near[0]!r}?" if near else f"expected {otherwise} {', '.join(known)}"
