"""Formulas: what is accepted, what is refused and how, and what counts as the same."""

from __future__ import annotations

import pytest

from lstm_lab.exercises.questions.formula import (
    FormulaError,
    constant_factor,
    parse,
    proved,
    same,
    variables_that_matter,
)

VARIABLES = ("w", "h", "a", "T", "H", "D")


@pytest.mark.parametrize(
    ("mine", "right"),
    [
        ("w - w*h*h", "w*(1 - h**2)"),
        ("(1-h²)·w", "w*(1 - h**2)"),
        ("w*sech(a)^2", "w*(1 - tanh(a)**2)"),
        ("T*H*(H+D)", "T*(H**2 + D*H)"),
        ("σ(a)*(1-σ(a))", "exp(-a)/(1 + exp(-a))**2"),
        ("−w", "0 - w"),
        ("TH(H + D)", "T*H*(H + D)"),
        ("T H (H+D)", "T*H*(H + D)"),
        ("T(T+1)/2", "(T**2 + T)/2"),
        ("(1-h^2)w", "w*(1 - h**2)"),
        ("2 w h", "2*h*w"),
        ("np.tanh(wh)", "tanh(w*h)"),
        ("ln(a^2)", "log(a**2)"),
    ],
)
def test_other_writings_of_a_formula_are_the_same(mine: str, right: str) -> None:
    a, b = parse(mine, VARIABLES), parse(right, VARIABLES)
    assert same(a, b, VARIABLES)
    assert proved(a, b)


def test_formulas_are_compared_where_the_right_one_is_a_real_number() -> None:
    """Elsewhere the branches of a logarithm would tell equal formulas apart."""
    right = parse("-log(2**(1/T) - 1)", VARIABLES)
    assert same(parse("log(1/(2**(1/T) - 1))", VARIABLES), right, VARIABLES)
    assert same(right, parse("log(1/(2**(1/T) - 1))", VARIABLES), VARIABLES)
    assert not same(parse("log(2**(1/T) - 1)", VARIABLES), right, VARIABLES)
    assert not same(parse("log(w)", VARIABLES), parse("log(abs(w))", VARIABLES), VARIABLES)


@pytest.mark.parametrize("mine", ["1 - h**2", "w*(1-h)**2", "w*(1+h**2)", "w*(1-h**2) + 1e-6", "w*(1-h**2)*1.000001"])
def test_what_is_not_the_same(mine: str) -> None:
    a, b = parse(mine, VARIABLES), parse("w*(1 - h**2)", VARIABLES)
    assert not same(a, b, VARIABLES)
    assert not proved(a, b)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os')", "is no function here"),
        ("(lambda: 0)()", "may stand in a formula"),
        ("w.real", "may stand in a formula"),
        ("[w for w in h]", "may stand in a formula"),
        ("1/2 w", "write \\* between factors"),  # w/2 or 1/(2w)?
        ("1/wh", "write \\* between factors: w\\*h, not wh"),
        ("w/h(1-h)", "write \\* for a product"),
        ("26 880", "write \\* between factors"),
        ("w times", "write \\* between factors"),
        ("h = w", "without an equals sign"),
        ("(w*(1-h)", "a bracket is missing"),
        ("q*w", "q is unknown; the formula may use w, h"),
        ("", "empty"),
        ("w" + "+w" * 190, "too long"),
        ("9" * 500, "500 characters"),
    ],
)
def test_what_is_no_formula_gets_advice(text: str, message: str) -> None:
    with pytest.raises(FormulaError, match=message):
        parse(text, VARIABLES)


def test_brackets_that_the_parser_cannot_hold_are_refused() -> None:
    assert parse("(" * 90 + "w" + ")" * 90, VARIABLES).at({"w": 2}) == 2
    with pytest.raises(FormulaError, match="a bracket is missing"):
        parse("(" * 199 + "-" * 190 + "w", VARIABLES)


def test_a_power_tower_takes_no_time() -> None:
    formula = parse("9**9**9**9", VARIABLES)
    assert formula.at({}) != formula.at({})  # not a number


def test_a_constant_factor_is_found_and_a_missing_variable() -> None:
    right = parse("w*(1-h**2)", VARIABLES)
    assert constant_factor(parse("2*w*(1-h**2)", VARIABLES), right, VARIABLES) == pytest.approx(2)
    assert constant_factor(parse("w", VARIABLES), right, VARIABLES) is None
    assert variables_that_matter(parse("w + 0*h + T - T", VARIABLES), VARIABLES) == {"w"}
