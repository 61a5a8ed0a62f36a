"""The settings of training."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lstm_ext.train.config import TrainerConfig


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seq_length", 0),
        ("batch_size", True),
        ("batch_size", 2.0),
        ("lr", 0.0),
        ("lr", math.nan),
        ("seed", -1),
        ("reset_every", -1),
        ("schedule", "steep"),
        ("warmup", -1),
        ("average", 1.0),
        ("patience", 0),
        ("validation", 1.0),
        ("eval_every", 0),
        ("eval_symbols", 1),
        ("checkpoint_every", 0.0),
        ("checkpoint_every", math.nan),
    ],
)
def test_settings_that_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: got"):
        TrainerConfig(**{name: value})
