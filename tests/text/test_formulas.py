"""Numbers, symbols and equations as text."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_lab.text.formulas import ascii_formula, at_step, format_number


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (1.0, "1.0000"),
        (-0.73106, "-0.7311"),
        (0.00149421, "0.00149"),
        (0.00022248, "2.2e-04"),
        (-0.00094, "-9.4e-04"),
        (-123.456, "-123.46"),
        (12345.0, "1.2e+04"),
        (float("nan"), "nan"),
        (4, "4"),
    ],
)
def test_numbers_are_short(number: float, text: str) -> None:
    assert format_number(number) == text
    assert len(text) <= 8


def test_no_number_takes_more_than_eight_characters() -> None:
    for number in np.random.default_rng(0).normal(size=2000) * 10.0 ** np.random.default_rng(1).uniform(-9, 9, 2000):
        assert len(format_number(float(number))) <= 8


def test_equations_have_an_ascii_spelling_and_numbered_steps() -> None:
    assert at_step("Cₜ = fₜ⊙Cₜ₋₁ + dCₜ₊₁", 12) == "C₁₂ = f₁₂⊙C₁₁ + dC₁₃"
    assert ascii_formula("Cₜ = σ(a_f)⊙Cₜ₋₁ - g₁₂²") == "C_t = sigmoid(a_f)*C_{t-1} - g_12^2"
    assert ascii_formula("column 'é' of W_yᵀ·dy") == "column '\\xe9' of W_y^T*dy"
