"""Recordings, crashes and signatures as plain data and back; what comes from the child is read strictly."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np

from ..grading.recording import Crash, CrashKind, Observed, Recording, Signature, ValueKind
from .wire import PlainData, WireError

_ARRAY_KINDS = "biufc"


def plain_crash(crash: Crash | None) -> PlainData:
    """A crash as plain data."""
    return None if crash is None else [crash.kind, crash.message, crash.line, crash.source, crash.call]


def read_crash(plain: PlainData) -> Crash | None:
    """The crash that :func:`plain_crash` was given. Raises WireError."""
    if plain is None:
        return None
    kind, message, line, source, call = _typed(plain, str, str, int, str, str)
    if kind not in get_args(CrashKind):
        raise WireError("an unknown kind of crash")
    return Crash(kind, message, line, source, call)


def plain_signature(found: Signature) -> PlainData:
    """A signature as plain data."""
    return [found.found, found.callable, found.least, found.most, found.similar, found.first]


def read_signature(plain: PlainData) -> Signature:
    """The signature that :func:`plain_signature` was given. Raises WireError."""
    return Signature(*_typed(plain, bool, bool, int, int, str, str))


def plain_recording(recording: Recording) -> PlainData:
    """A recording as plain data."""
    return [
        [
            [name, value.kind, value.type, value.call, value.array, value.dtype, value.text]
            for name, value in recording.values.items()
        ],
        recording.mutated,
        recording.aliased,
        recording.overwritten,
        [[name, value] for name, value in recording.revealed.items()],
        recording.printed,
        plain_crash(recording.crash),
    ]


def read_recording(plain: PlainData) -> Recording:
    """The recording that :func:`plain_recording` was given. Raises WireError."""
    values, mutated, aliased, overwritten, revealed, printed, crash = _typed(
        plain, list, list, list, list, list, str, object
    )
    return Recording(
        values=dict(map(_read_value, values)),
        mutated=_typed(mutated, *[str] * len(mutated)),
        aliased=_typed(aliased, *[str] * len(aliased)),
        overwritten=_typed(overwritten, *[str] * len(overwritten)),
        revealed={name: value for name, value in (_typed(pair, str, float) for pair in revealed)},
        printed=printed,
        crash=read_crash(crash),
    )


def _read_value(plain: PlainData) -> tuple[str, Observed]:
    name, kind, type_name, call, array, dtype, text = _typed(plain, str, str, str, str, object, str, str)
    is_array = isinstance(array, np.ndarray) and array.dtype.kind in _ARRAY_KINDS
    if kind not in get_args(ValueKind) or is_array != (kind == "array") or not (is_array or array is None):
        raise WireError("a value that does not fit its kind")
    return name, Observed(kind, type_name, call, array, dtype, text)


def _typed(plain: PlainData, *types: type) -> list[Any]:
    """The parts of a list, whose types have to be these."""
    if not isinstance(plain, list) or len(plain) != len(types):
        raise WireError("a list of another length")
    for part, wanted in zip(plain, types, strict=True):
        if wanted is not object and type(part) is not wanted:
            raise WireError(f"{type(part).__name__} in place of {wanted.__name__}")
    return plain
