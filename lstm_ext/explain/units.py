"""What single units do on a text: how far their gates saturate, how long they remember, and what they follow.

All figures are computed in float64. A unit's pictures invite to see what one expects, so what a unit follows is chosen
on the first half of a text and measured on the second, beside what chance alone would give.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import Count, Size, checked
from ..cells.stages import Span
from ..errors import ArgumentError

#: Values below the first number or above the second are saturated: a gate is closed or open there.
SATURATED: Mapping[Span, tuple[float, float]] = {"gate": (0.1, 0.9), "tanh": (-0.9, 0.9), "free": (-1.0, 1.0)}
Order = Literal["number", "variance", "memory", "saturation", "similarity"]
ORDERS: tuple[Order, ...] = get_args(Order)
#: A text needs as many characters for ``Units.follows``: each half has to say something.
MIN_FOLLOWED = 100
#: A character that occurs less often in either half is no candidate.
_SELDOM = 3


@dataclass(frozen=True)
class CharacterMean:
    """A unit's mean over the places where a character was just read, and how many those are."""

    character: str
    mean: float
    count: int


@dataclass(frozen=True)
class Followed:
    """Something in a text that a unit's values go along with; correlations are Pearson's, from −1 to 1."""

    signal: str
    #: On the first half of the text, where it was chosen.
    chosen_on: float
    #: On the second half, where it was not.
    held_out: float
    #: 95 % of all shifts of the second half's values along its text correlate less than this.
    chance: float


@checked
@dataclass(frozen=True)
class Units:
    """One gate or state of one layer on a text: ``values`` (T, H), of which ``kept`` (T, H) is the share of its state
    that each step keeps; None for a cell without a gate for it. Raises ArgumentError for arrays of other shapes."""

    text: str
    values: np.ndarray
    span: Span
    kept: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, array in (("values", self.values), ("kept", self.kept)):
            if array is None:
                continue
            if array.ndim != 2 or len(array) != len(self.text) or 0 in array.shape:
                raise ArgumentError(f"{name}: got shape {array.shape}, expected ({len(self.text)}, H), both at least 1")
            object.__setattr__(self, name, np.asarray(array, dtype=np.float64))

    def __len__(self) -> int:
        return int(self.values.shape[1])

    @cached_property
    def mean(self) -> np.ndarray:
        """(H,): each unit's mean over the text."""
        mean: np.ndarray = self.values.mean(axis=0)
        return mean

    @cached_property
    def spread(self) -> np.ndarray:
        """(H,): each unit's standard deviation over the text."""
        spread: np.ndarray = self.values.std(axis=0)
        return spread

    @cached_property
    def deviation(self) -> np.ndarray:
        """(T, H): each value's distance from its unit's mean."""
        deviation: np.ndarray = self.values - self.mean
        return deviation

    @cached_property
    def saturation(self) -> tuple[np.ndarray, np.ndarray]:
        """The shares of characters at which each unit is saturated on the left and on the right, (H,) each.

        After Karpathy, Johnson and Li 2016, "Visualizing and Understanding Recurrent Networks".
        """
        low, high = SATURATED[self.span]
        return (self.values < low).mean(axis=0), (self.values > high).mean(axis=0)

    @cached_property
    def half_life(self) -> np.ndarray | None:
        """(H,): after how many characters half of a unit's state is left, where nothing is written to it meanwhile.

        ln ½ / mean(ln kept): 0 for a unit that once kept nothing, ∞ for one that kept all. None without ``kept``.
        """
        if self.kept is None:
            return None
        with np.errstate(divide="ignore"):
            lost = -np.log(self.kept).mean(axis=0)
            half_life: np.ndarray = np.log(2.0) / np.maximum(lost, 0.0)
        return half_life

    @checked
    def order(self, by: Order) -> np.ndarray:
        """(H,) int: the units' numbers, those first that vary most, remember longest, or are most often saturated;
        or each one beside one like it. Raises ArgumentError for memory of a cell without a gate for it."""
        if by == "number":
            return np.arange(len(self))
        if by == "similarity":
            return _chain(self.values)
        if by == "variance":
            rank = self.spread
        elif by == "saturation":
            rank = np.sum(self.saturation, axis=0)
        elif (half_life := self.half_life) is not None:
            rank = half_life
        else:
            raise ArgumentError("by: got 'memory', expected another order: this cell has no gate that keeps its state")
        return np.argsort(-rank, kind="stable")

    @checked
    def characters(self, unit: Count) -> list[CharacterMean]:
        """The text's characters by the mean of ``unit`` after reading them, the highest first."""
        values = self._of(unit)
        letters, places, counts = np.unique(list(self.text), return_inverse=True, return_counts=True)
        means = np.bincount(places, weights=values) / counts
        return [
            CharacterMean(str(letters[k]), float(means[k]), int(counts[k])) for k in np.argsort(-means, kind="stable")
        ]

    @checked
    def follows(self, unit: Count, best: Size = 5, *, character: str = "") -> list[Followed]:
        """What ``unit`` follows: of all ``signals``, the ``best`` of the text's first half, in the order of what they
        are worth on the second; and ``character``, if one is given, whatever it is worth. Empty for a unit that never
        moves. Raises ArgumentError for a text of fewer than ``MIN_FOLLOWED`` characters."""
        if len(self.text) < MIN_FOLLOWED:
            raise ArgumentError(f"text: got {len(self.text)} characters, expected at least {MIN_FOLLOWED}")
        values, half = self._of(unit), len(self.text) // 2
        candidates = [
            (name, signal)
            for name, signal in signals(self.text, character).items()
            if np.ptp(signal[:half]) > 0 and np.ptp(signal[half:]) > 0
        ]
        if not candidates or not np.ptp(values[:half]) or not np.ptp(values[half:]):
            return []
        chosen_on = np.array([correlation(values[:half], signal[:half]) for _, signal in candidates])
        found = []
        ranks = np.argsort(-np.abs(chosen_on), kind="stable").tolist()
        for rank, k in enumerate(ranks):
            name, signal = candidates[k]
            if rank >= best and name != is_character(character):
                continue
            shifted = _shifted_correlations(values[half:], signal[half:])
            chance = float(np.quantile(np.abs(shifted[1:]), 0.95))
            found.append(Followed(name, float(chosen_on[k]), float(shifted[0]), chance))
        return sorted(found, key=lambda followed: -abs(followed.held_out))

    def _of(self, unit: int) -> np.ndarray:
        if unit >= len(self):
            raise ArgumentError(f"unit: got {unit}, expected 0 to {len(self) - 1}")
        values: np.ndarray = self.values[:, unit]
        return values


@checked
def correlation(a: ArrayLike, b: ArrayLike) -> float:
    """Pearson's correlation of two sequences (N,); 0 where one of them is constant."""
    return float(_standard(np.asarray(a, dtype=np.float64)) @ _standard(np.asarray(b, dtype=np.float64)))


@checked
def signals(text: str, character: str = "") -> dict[str, np.ndarray]:
    """What a unit might follow, by name: a number for each character of ``text``, (T,) float64, once it has been read.

    Whether it is inside quotes ("…" or “…”, which a blank line ends, too), its depth inside brackets, its position in
    the line and in the word, from 0, whether it is a capital or a digit, and for each frequent character, and
    the given one, whether it is that.
    """
    quoted, depth, column, letter = False, 0, 0, 0
    rows = np.empty((len(text), 4))
    for t, read in enumerate(text):
        if read == '"':
            quoted = not quoted
        elif read in "“”":
            quoted = read == "“"
        elif read == "\n" and text[t - 1 : t] == "\n":
            quoted = False
        depth = max(0, depth + (read in "([{") - (read in ")]}"))
        rows[t] = quoted, depth, column, letter
        column = 0 if read == "\n" else column + 1
        letter = letter + 1 if read.isalnum() else 0
    names = ("inside quotes", "inside brackets", "position in line", "position in word")
    found = dict(zip(names, rows.T, strict=True))
    found["capital letter"] = np.array([float(read.isupper()) for read in text])
    found["digit"] = np.array([float(read.isdigit()) for read in text])
    letters, half = np.array(list(text), dtype=str), len(text) // 2
    for one in sorted(set(text)):
        at = letters == one
        if one == character or min(np.count_nonzero(at[:half]), np.count_nonzero(at[half:])) >= _SELDOM:
            found[is_character(one)] = at.astype(np.float64)
    return found


@checked
def is_character(character: str) -> str:
    """The name of the signal that is 1 at each ``character`` and 0 elsewhere."""
    return f"the character {character!r}"


def _standard(values: np.ndarray) -> np.ndarray:
    """Values (N,) with mean 0 and length 1, or all 0; or the columns of (N, H)."""
    centred = values - values.mean(axis=0)
    length = np.linalg.norm(centred, axis=0)
    # What rounding leaves of a constant is no movement.
    still = length <= 1e-12 * np.maximum(1.0, np.abs(values).max(axis=0)) * np.sqrt(len(values))
    standard: np.ndarray = np.where(still, 0.0, centred) / np.where(still, 1.0, length)
    return standard


def _shifted_correlations(values: np.ndarray, signal: np.ndarray) -> np.ndarray:
    """(N,): the correlation of ``values`` (N,) with ``signal`` (N,) moved along by 0, 1, …, N − 1, in a circle."""
    spectrum = np.fft.rfft(_standard(values)) * np.conj(np.fft.rfft(_standard(signal)))
    correlations: np.ndarray = np.fft.irfft(spectrum, n=len(values))
    return correlations


def _chain(values: np.ndarray) -> np.ndarray:
    """(H,) int: from the unit that varies most on, each unit is followed by the one left that correlates most."""
    standard = _standard(values)
    alike = standard.T @ standard
    left = np.ones(values.shape[1], dtype=bool)
    here = int(values.var(axis=0).argmax())
    chain = [here]
    left[here] = False
    while left.any():
        here = int(np.where(left, alike[here], -np.inf).argmax())
        chain.append(here)
        left[here] = False
    return np.array(chain)
