"""A series of numbers from a column of a CSV file."""

from __future__ import annotations

import csv
import math
import os

import numpy as np

from ..arguments import checked
from ..errors import DataError


@checked
def read_csv_series(path: str | os.PathLike[str], column: str | None = None) -> tuple[str, np.ndarray]:
    """The column's name and its values (N,) float64, in the file's order.

    ``column`` is a name from the first line; without it, the last column is taken whose first
    value is a number. A first line with a number in that column counts as a value. Columns are separated by
    commas, semicolons or tabs. Raises DataError, which names the line.
    """
    name = os.fspath(path)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except OSError as error:
        raise DataError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{name}: is not UTF-8") from None
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    rows = [(number, row) for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), 1) if row]
    if len(rows) < 2:
        raise DataError(f"{name}: has {len(rows)} lines, expected a series")
    header = [field.strip() for field in rows[0][1]]
    index = _column(name, header, rows[1][1], column)
    if not _is_number(header[index]):
        rows = rows[1:]
    values = []
    for number, row in rows:
        field = row[index].strip() if index < len(row) else ""
        if not _is_number(field):
            raise DataError(f"{name}:{number}: got {field!r}, expected a finite number")
        values.append(float(field))
    return header[index] if not _is_number(header[index]) else f"column {index + 1}", np.array(values)


def _column(name: str, header: list[str], first: list[str], wanted: str | None) -> int:
    if wanted is not None:
        if wanted not in header:
            raise DataError(f"{name}: has no column {wanted!r}, only {', '.join(header)}")
        return header.index(wanted)
    numbers = [index for index, field in enumerate(first[: len(header)]) if _is_number(field)]
    if not numbers:
        raise DataError(f"{name}: has no column of numbers")
    return numbers[-1]


def _is_number(field: str) -> bool:
    try:
        return math.isfinite(float(field))
    except ValueError:
        return False
