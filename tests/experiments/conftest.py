"""What several files of tests share."""

from __future__ import annotations

import pytest
from experiments.counting import Counting


@pytest.fixture
def counting() -> Counting:
    Counting.asked, Counting.fails_at = [], -1
    return Counting()
