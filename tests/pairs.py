"""Options in pairs: few enough tests, and still every value of an option beside every value of every other one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

import pytest


def pairwise(counts: Sequence[int]) -> list[tuple[int, ...]]:
    """Rows with an index below counts[n] in column n; any two indices of any two columns share a row.

    Greedy: each row starts with a pair that no row has yet. Every further column takes the index that adds
    the most new pairs, and of equals the one used least.
    """
    columns = range(len(counts))
    uncovered = {
        frozenset([(i, a), (j, b)])
        for i, j in combinations(columns, 2)
        for a, b in product(range(counts[i]), range(counts[j]))
    }
    rows: list[tuple[int, ...]] = []
    uses: Counter[tuple[int, int]] = Counter()
    while uncovered:
        row = sorted(min(uncovered, key=sorted))
        for column in sorted(set(columns) - {column for column, _ in row}, key=lambda column: -counts[column]):
            row.append(
                max(
                    ((column, value) for value in range(counts[column])),
                    key=lambda cell: (sum(frozenset([cell, other]) in uncovered for other in row), -uses[cell]),
                )
            )
        uncovered -= {frozenset(pair) for pair in combinations(row, 2)}
        uses.update(row)
        rows.append(tuple(value for _, value in sorted(row)))
    return rows


def parametrize_pairs(**options: Mapping[str, Any]) -> pytest.MarkDecorator:
    """``pytest.mark.parametrize`` for arguments with their values by name, each pair of two arguments' values once
    or more. Of the names, only those that are not empty show in a test's own."""
    names, values = list(options), [list(option.items()) for option in options.values()]
    chosen = [[values[n][k] for n, k in enumerate(row)] for row in pairwise([len(v) for v in values])]
    return pytest.mark.parametrize(
        names,
        [[value for _, value in row] for row in chosen],
        ids=["-".join(filter(None, (name for name, _ in row))) for row in chosen],
    )
