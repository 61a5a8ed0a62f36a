"""Dates: from the many ways people write them to 1987-03-05. A translation small enough to watch."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from ..arguments import Range, Size, check_memory, checked
from ..data.batch import Batch
from ..errors import ArgumentError
from .pairs import pairs

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SOURCE = "".join(sorted({*"".join(_MONTHS), *"".join(_DAYS), *"0123456789 ,."}))
_TARGET = "-0123456789"


@checked
@dataclass(frozen=True)
class Dates:
    """Days of the years ``first_year`` … ``last_year``, written in one of six ways."""

    first_year: Annotated[int, Range(1, 9999)] = 1950
    last_year: Annotated[int, Range(1, 9999)] = 2049

    @property
    def source_size(self) -> int:
        """How many different symbols a question has, the padding included."""
        return 1 + len(_SOURCE)

    @property
    def target_size(self) -> int:
        """How many different symbols an answer has, its end included."""
        return 1 + len(_TARGET)

    def batch(self, rng: np.random.Generator, size: Size) -> Batch:
        """``size`` new pairs, character by character, laid out as by ``lstm_ext.tasks.pairs.pairs``."""
        check_memory("size", size, size * 30)
        first = datetime.date(self.first_year, 1, 1).toordinal()
        last = datetime.date(self.last_year, 12, 31).toordinal()
        dates = [datetime.date.fromordinal(int(day)) for day in rng.integers(first, last + 1, size)]
        ways = rng.integers(0, 6, size)
        return pairs(
            [_encode(_written(date, way), _SOURCE) for date, way in zip(dates, ways, strict=True)],
            [_encode(date.isoformat(), _TARGET) for date in dates],
        )


@checked
def source_text(symbols: Sequence[int] | np.ndarray) -> str:
    """A question (T,) in characters, up to its end."""
    return _decode(symbols, _SOURCE)


@checked
def target_text(symbols: Sequence[int] | np.ndarray) -> str:
    """An answer (T,) in characters, up to its end."""
    return _decode(symbols, _TARGET)


def _written(date: datetime.date, way: int) -> str:
    day, year, month = date.day, date.year, _MONTHS[date.month - 1]
    return (
        f"{day} {month} {year}",
        f"{month} {day}, {year}",
        f"{month[:3]} {day}, {year}",
        f"{_DAYS[date.weekday()]}, {day} {month} {year}",
        f"{year} {month} {day}",
        f"{day}.{date.month}.{year}",
    )[way]


def _encode(text: str, alphabet: str) -> list[int]:
    return [1 + alphabet.index(character) for character in text]


def _decode(symbols: Sequence[int] | np.ndarray, alphabet: str) -> str:
    array = np.asarray(symbols)
    if array.ndim != 1 or (array.size and (array.dtype.kind not in "iu" or array.max() > len(alphabet))):
        raise ArgumentError(f"symbols: got {array.dtype} {array.shape}, expected integers (T,) up to {len(alphabet)}")
    return "".join(alphabet[symbol - 1] for symbol in itertools.takewhile(lambda symbol: symbol > 0, symbols))
