"""Comparing what the learner's code showed with what the solution showed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .recording import Observed, Recording
from .report import Finding

#: Below this norm an array counts as zero, and errors are absolute.
_TINY = 1e-12
_NO_RETURN = "A function without a return statement returns None."


@dataclass(frozen=True)
class Differences:
    """Which values are right, and how wrong the others are, in order of dependency."""

    right: tuple[str, ...]
    #: Name and relative error
    wrong: tuple[tuple[str, float], ...]


def error_of(got: Observed, wanted: Observed) -> float:
    """The norm of the difference by the norm of what was wanted; infinite where they cannot be compared."""
    if got.kind != wanted.kind:
        return np.inf
    if got.array is None or wanted.array is None:
        return 0.0 if got.text == wanted.text else np.inf
    if got.array.shape != wanted.array.shape:
        return np.inf
    if got.array.size == 0:
        return 0.0
    a, b = got.array.astype(np.complex128), wanted.array.astype(np.complex128)
    if not np.all(np.isfinite(a)) or not np.all(np.isfinite(b)):
        return 0.0 if np.array_equal(a, b, equal_nan=True) else np.inf
    # Halves, and in units of the largest: neither the difference nor a square overflows.
    unit = max(1.0, float(np.max(np.abs(a))), float(np.max(np.abs(b))))
    size = float(np.linalg.norm((b / unit).ravel()))
    difference = float(np.linalg.norm((a / unit - b / unit).ravel()))
    return difference / size if size * unit > _TINY else difference * unit


def differences(got: Recording, wanted: Recording, tolerance: float) -> Differences:
    """Compare the values of two recordings of the same probe."""
    right: list[str] = []
    wrong: list[tuple[str, float]] = []
    for name, value in wanted.values.items():
        error = error_of(got.values[name], value) if name in got.values else np.inf
        if error <= tolerance:
            right.append(name)
        else:
            wrong.append((name, error))
    return Differences(tuple(right), tuple(wrong))


def agree(got: Recording, other: Recording, tolerance: float) -> bool:
    """Whether two recordings show the same, the same failures included."""
    if _failure(got) != _failure(other) or list(got.values) != list(other.values):
        return False
    if any(bool(a) != bool(b) for a, b in ((got.mutated, other.mutated), (got.overwritten, other.overwritten))):
        return False
    return not differences(got, other, tolerance).wrong


def _failure(recording: Recording) -> tuple[str, str, str] | None:
    """What a crash says, apart from where it was."""
    crash = recording.crash
    return (crash.kind, crash.message, crash.call) if crash else None


def same_form(got: Recording, other: Recording) -> bool:
    """Whether two recordings show values of the same kinds, shapes and dtypes, the same failures included."""
    return _failure(got) == _failure(other) and _form(got) == _form(other)


def _form(recording: Recording) -> list[tuple[object, ...]]:
    return [
        (name, value.kind, value.array.shape if value.array is not None else (), value.dtype[:3])
        for name, value in recording.values.items()
    ]


def shape_finding(got: Recording, wanted: Recording) -> Finding | None:
    """The first value that is not of the right kind, shape or dtype."""
    for name, value in wanted.values.items():
        mine = got.values.get(name)
        if mine is None or mine.kind == "missing":
            where = f"{mine.call} returned {mine.text}" if mine and mine.call else "there is nothing of that name"
            extra = _NO_RETURN if mine and mine.text == "None" else ""
            return Finding("missing", f"{name} is missing: {where}.", mine.call if mine else "", next=extra)
        if mine.kind != value.kind:
            given = "None" if mine.kind == "nothing" else f"a value of type {mine.type}"
            extra = _NO_RETURN if mine.kind == "nothing" else ""
            return Finding("kind", f"{name} is {given}.", mine.call, given, _kind(value), next=extra)
        if mine.array is None or value.array is None:
            continue
        if mine.array.shape != value.array.shape:
            return Finding(
                "shape",
                f"{name} has shape {mine.array.shape}, wanted is {value.array.shape}.",
                mine.call,
                f"shape {mine.array.shape}",
                f"shape {value.array.shape}",
                cause=_shape_cause(mine.array.shape, value.array.shape),
            )
        rounded = value.dtype == "float64" and mine.dtype in ("float16", "float32")
        if rounded or (mine.array.dtype.kind != value.array.dtype.kind and value.array.dtype.kind != "i"):
            message = f"{name} has dtype {mine.dtype}, wanted is {value.dtype}."
            return Finding("dtype", message, mine.call, mine.dtype, value.dtype)
    return None


def purity_finding(got: Recording, wanted: Recording, *, own_memory: bool) -> Finding | None:
    """An argument that was changed, a result that is an argument, or one that changed later."""
    if changed := [text for text in got.mutated if text not in wanted.mutated]:
        return Finding(
            "mutated",
            f"Your code changed its argument {changed[0]}.",
            cause="An operation in place, such as += or x[...] = …, writes into the caller's array.",
            next="Make a new array (a = a + b, or a copy first): the caller still needs the old one.",
        )
    if own_memory and (shared := [text for text in got.aliased if text not in wanted.aliased]):
        return Finding(
            "aliased",
            f"{shared[0]}.",
            cause="A result that shares memory with an argument changes when the argument does.",
            next="Return a copy.",
        )
    if changed := [text for text in got.overwritten if text not in wanted.overwritten]:
        return Finding(
            "overwritten",
            f"A later call changed {changed[0]}.",
            cause="Your code returned an array that it keeps, and wrote into it afterwards.",
            next="Return a copy, or make a new array in every call.",
        )
    return None


def finite_finding(got: Recording) -> Finding | None:
    """The first value that is infinite or not a number."""
    for name, value in got.values.items():
        if value.array is None or np.all(np.isfinite(value.array)):
            continue
        place = tuple(map(int, np.argwhere(~np.isfinite(value.array))[0]))
        return Finding(
            "not-finite",
            f"{entry_name(name, place)} is {value.array[place]}.",
            value.call,
            cause="With large numbers exp overflows, or something is divided by zero.",
            next="Write the function so that exp only sees numbers ≤ 0.",
        )
    return None


def value_finding(got: Recording, wanted: Recording, tolerance: float) -> Finding | None:
    """The first value, in order of dependency, whose numbers are not right."""
    found = differences(got, wanted, tolerance)
    if not found.wrong:
        return None
    name, error = found.wrong[0]
    mine, right = got.values.get(name), wanted.values[name]
    if mine is not None and mine.kind == right.kind == "text":
        return Finding("wrong", f"{name} is wrong.", mine.call, f'"{mine.text}"', f'"{right.text}"', found.right)
    if mine is None or mine.array is None or right.array is None or mine.array.shape != right.array.shape:
        return shape_finding(got, wanted) or Finding("wrong", f"{name} is wrong.", mine.call if mine else "")
    worst = np.abs(mine.array.astype(np.complex128) - right.array.astype(np.complex128))
    place = tuple(map(int, np.unravel_index(int(np.argmax(np.where(np.isfinite(worst), worst, np.inf))), worst.shape)))
    entry = entry_name(name, place)
    return Finding(
        "wrong",
        f"{name} is wrong{f' (relative error {error:.2g})' if right.array.dtype.kind in 'fc' else ''}.",
        mine.call,
        f"{entry} = {_number(mine.array[place])}",
        f"{entry} = {_number(right.array[place])}",
        found.right,
        tuple(f"{name} ({error:.2g})" for name, error in found.wrong),
    )


def entry_name(name: str, place: tuple[int, ...]) -> str:
    """``dWf[1, 2]``, ``entry [3] of C after step 1``"""
    if not place:
        return name
    index = f"[{', '.join(map(str, place))}]"
    return f"entry {index} of {name}" if " " in name else f"{name}{index}"


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _kind(value: Observed) -> str:
    if value.array is not None:
        return "a number" if value.array.shape == () else f"an array of shape {value.array.shape}"
    return {"nothing": "None", "text": "a text"}.get(value.kind, value.type)


def _shape_cause(got: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if got == wanted[::-1] and len(got) > 1:
        return "The axes are the other way round: a transposed matrix, or a product in the wrong order."
    if not wanted:
        return "It is an array where one number is wanted: a sum is missing, or an axis of length 1 is left."
    if len(got) == len(wanted) + 1:
        return "There is an axis too many: a column (n, 1) where a vector (n,) is wanted, or + between (n,) and (n, 1)."
    if len(got) < len(wanted):
        return "There is an axis too few: a sum over too much, or an index that takes one entry."
    return ""
