"""Checks of arguments. For a misspelled one the error names what was called, and what was probably meant."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

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
