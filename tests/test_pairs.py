"""Options in pairs: none is missing, and there are few."""

from __future__ import annotations

from itertools import combinations, product

import pytest
from pairs import pairwise


@pytest.mark.parametrize(
    ("counts", "most"),
    [
        ((15, 5, 2, 2, 2), 75),  # layers: no fewer can hold every cell at every size
        ((7, 4, 2), 28),
        ((3, 3, 3, 3), 12),  # an orthogonal array has 9
        ((2,) * 7, 8),
        ((4, 1, 3), 12),
    ],
)
def test_every_pair_of_values_is_in_some_row(counts: tuple[int, ...], most: int) -> None:
    rows = pairwise(counts)
    for i, j in combinations(range(len(counts)), 2):
        assert {(row[i], row[j]) for row in rows} == set(product(range(counts[i]), range(counts[j])))
    assert len(set(rows)) == len(rows) <= most
