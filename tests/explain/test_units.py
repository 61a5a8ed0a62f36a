"""Statistics of units, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from lstm_ext.cells import CELLS
from lstm_ext.data import Vocabulary
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.reading import Reading, read, views
from lstm_ext.explain.units import MIN_FOLLOWED, Units, correlation, signals
from lstm_ext.nn.language_model import LanguageModel

TEXT = 'ab\n(c) "de f" G7'
VOCABULARY = Vocabulary(TEXT)


def units(values: object, text: str = "", **options: object) -> Units:
    array = np.array(values, dtype=float)
    return Units(text or "x" * len(array), array, options.pop("span", "gate"), **options)  # type: ignore[arg-type]


# Half-life.


def test_half_life_by_hand() -> None:
    """½ each step: 1. ¼ each step: ½ a step. 1 and ½ in turn: 2. Once nothing: 0. Everything: ∞."""
    kept = np.array([[0.5, 0.25, 1.0, 0.0, 1.0], [0.5, 0.25, 0.5, 1.0, 1.0]])
    found = units(kept, kept=kept).half_life
    assert found is not None
    np.testing.assert_allclose(found, [1.0, 0.5, 2.0, 0.0, np.inf])


@pytest.mark.parametrize("cell, gate, share", [("lstm", "f", 0.8), ("gru", "z", 0.2), ("mingru", "z", 0.2)])
def test_each_cell_keeps_by_its_own_gate(cell: str, gate: str, share: float) -> None:
    """Where a step keeps 80 %, half is left after ln ½ / ln 0.8 of them."""
    layer = {name: np.full((3, 2), 0.4) for name in views(cell)} | {gate: np.full((3, 2), share)}  # type: ignore[arg-type]
    found = Reading("abc", [layer], cell, np.zeros(3)).units(0, "h").half_life  # type: ignore[arg-type]
    assert found is not None
    np.testing.assert_allclose(found, np.log(0.5) / np.log(0.8))


def test_a_plain_rnn_has_no_half_life() -> None:
    found = Reading("ab", [{"h": np.zeros((2, 3))}], "rnn", np.zeros(2)).units(0, "h")
    assert found.half_life is None
    with pytest.raises(ArgumentError, match="no gate that keeps"):
        found.order("memory")


@pytest.mark.parametrize("cell", CELLS)
def test_what_a_step_keeps_is_what_the_engine_keeps(cell: str) -> None:
    """The state after a step, less what was written, is the state before times ``kept``."""
    model = LanguageModel(ModelConfig(len(VOCABULARY), 5, len(VOCABULARY), cell=cell, dtype="float64"))  # type: ignore[arg-type]
    model.parameters[:] = np.random.default_rng(3).normal(0, 0.8, model.parameters.size)
    reading = read(model, VOCABULARY.encode(TEXT), VOCABULARY)
    layer = reading.layers[0]
    kept = reading.units(0, "h").kept
    if kept is None:
        assert cell == "rnn"
        return
    state, written = (layer["c"], layer["i"] * layer["g"]) if cell == "lstm" else (layer["h"], layer["z"] * layer["n"])
    np.testing.assert_allclose(state[1:] - written[1:], kept[1:] * state[:-1], atol=1e-12)


# Saturation, deviation, order.


@pytest.mark.parametrize(
    "span, values, left, right",
    [
        ("gate", [0.05, 0.1, 0.95, 0.9], 0.25, 0.25),
        ("tanh", [-0.95, -0.9, -0.99, 0.95], 0.5, 0.25),
        ("free", [-1.5, 1.0, 2.0, 7.0], 0.25, 0.5),
    ],
)
def test_saturation_by_hand(span: str, values: list[float], left: float, right: float) -> None:
    found = units([[value, 0.5] for value in values], span=span).saturation
    assert [share.tolist() for share in found] == [[left, 0.0], [right, 0.0]]


def test_deviation_is_from_the_units_own_mean() -> None:
    assert units([[0.9, 0.0], [0.7, 1.0]]).deviation == pytest.approx(np.array([[0.1, -0.5], [-0.1, 0.5]]))


def test_orders_by_hand() -> None:
    values = [[0.5, 0.0, 0.95, 0.4], [0.5, 1.0, 0.95, 0.6], [0.5, 0.0, 0.95, 0.4], [0.5, 1.0, 0.95, 0.5]]
    kept = np.tile([0.9, 0.1, 0.99, 0.5], (4, 1))
    found = units(values, kept=kept)
    assert found.order("number").tolist() == [0, 1, 2, 3]
    assert found.order("variance").tolist()[:2] == [1, 3]
    assert found.order("memory").tolist() == [2, 0, 3, 1]
    assert found.order("saturation").tolist() == [1, 2, 0, 3]


def test_similar_units_stand_beside_each_other() -> None:
    """Three waves, each in two units, mixed: each pair comes together, the loudest first."""
    t = np.arange(60.0)
    waves = [np.sin(t), np.sin(2.1 * t), np.sin(0.37 * t)]
    found = units(np.stack([waves[k] * size for k, size in ((0, 1), (1, 1), (2, 1), (1, 0.5), (0, 3), (2, 2))], axis=1))
    order = found.order("similarity").tolist()
    assert order[:2] == [4, 0]
    assert {frozenset(order[2:4]), frozenset(order[4:])} == {frozenset({1, 3}), frozenset({2, 5})}


def test_order_takes_constant_units() -> None:
    assert sorted(units(np.ones((5, 4))).order("similarity").tolist()) == [0, 1, 2, 3]


# Signals and what follows them.


def test_signals_by_hand() -> None:
    found = signals(TEXT)
    assert found["inside quotes"].tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert found["inside brackets"].tolist() == [0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert found["position in line"].tolist() == [0, 1, 2, *range(13)]
    assert found["position in word"].tolist() == [0, 1, 2, 0, 0, 1, 0, 0, 0, 1, 2, 0, 1, 0, 0, 1]
    assert np.flatnonzero(found["capital letter"]).tolist() == [14]
    assert np.flatnonzero(found["digit"]).tolist() == [15]


def test_quotes_end_with_their_paragraph_and_brackets_never_go_below_zero() -> None:
    assert signals('"a\n\nb')["inside quotes"].tolist() == [1, 1, 1, 0, 0]
    assert signals("“a”b")["inside quotes"].tolist() == [1, 1, 0, 0]
    assert signals(")[{]")["inside brackets"].tolist() == [0, 1, 2, 1]


def test_only_characters_of_both_halves_are_candidates() -> None:
    assert "the character 'a'" in signals("ab" * 6)
    assert "the character 'b'" not in signals("a" * 6 + "b" * 6)


def test_correlation_by_hand() -> None:
    assert correlation([1, 2, 3], [2, 4, 6]) == pytest.approx(1.0)
    assert correlation([0, 1, 0, 1], [1, 1, 0, 0]) == pytest.approx(0.0)
    assert correlation([1, 2, 3], [1, 3, 2]) == pytest.approx(0.5)
    assert correlation([1, 2, 3], [0.1, 0.1, 0.1]) == 0.0


def quoting() -> tuple[str, np.ndarray]:
    rng = np.random.default_rng(1)
    text = "".join(f'{"ab c"[: rng.integers(1, 5)]} "{"cab" * rng.integers(1, 6)}" ' for _ in range(60))
    return text, signals(text)["inside quotes"]


def test_a_unit_follows_what_it_was_made_to_follow() -> None:
    text, quotes = quoting()
    noise = np.random.default_rng(2).normal(0, 0.1, len(text))
    found = units((0.5 - 0.3 * quotes + noise)[:, np.newaxis], text).follows(0)
    assert found[0].signal == "inside quotes"
    half = len(text) // 2
    assert found[0].held_out == pytest.approx(correlation((-0.3 * quotes + noise)[half:], quotes[half:]))
    assert found[0].held_out < -0.7 and found[0].chance < 0.5


def test_ranks_by_the_half_it_was_not_chosen_on() -> None:
    """A unit that follows quotes at first and capitals… c later: its rank is that of the second half."""
    text, quotes = quoting()
    other = signals(text)["the character 'c'"]
    half = len(text) // 2
    values = np.where(np.arange(len(text)) < half, quotes + 0.3 * other, other)
    found = units(values[:, np.newaxis], text).follows(0)
    assert found[0].signal == "the character 'c'" and found[0].held_out == pytest.approx(1.0)
    quoted = next(followed for followed in found if followed.signal == "inside quotes")
    assert quoted.chosen_on > 0.8 > quoted.held_out


def test_a_chosen_character_is_always_listed() -> None:
    text, quotes = quoting()
    found = units(quotes[:, np.newaxis], text)
    names = [[one.signal for one in found.follows(0, 1, character=character)] for character in ("", "a", "z")]
    assert names == [["inside quotes"], ["inside quotes", "the character 'a'"], ["inside quotes"]]


def test_noise_is_told_from_what_is_followed() -> None:
    text, _ = quoting()
    values = np.random.default_rng(5).normal(size=(len(text), 20))
    found = units(values, text)
    best = [found.follows(unit)[0] for unit in range(20)]
    assert all(abs(followed.held_out) < 0.25 for followed in best)
    assert all(0.02 < followed.chance < 0.2 for followed in best)


def test_a_unit_that_never_moves_follows_nothing() -> None:
    text, _ = quoting()
    assert units(np.full((len(text), 1), 0.1), text).follows(0) == []


def test_a_short_text_says_too_little() -> None:
    with pytest.raises(ArgumentError, match=f"got 3 characters, expected at least {MIN_FOLLOWED}"):
        units(np.eye(3), "abc").follows(0)


def test_top_characters_by_hand() -> None:
    found = units([[0.1], [0.9], [0.3], [0.7]], "abac").characters(0)
    assert [(mean.character, mean.count) for mean in found] == [("b", 1), ("c", 1), ("a", 2)]
    assert found[-1].mean == pytest.approx(0.2)


# A reading.


def test_a_reading_is_the_trace_of_the_text() -> None:
    size = len(VOCABULARY)
    model = LanguageModel(ModelConfig(size, 4, size, num_layers=2), seed=3)
    symbols = VOCABULARY.encode(TEXT)
    reading = read(model, symbols, VOCABULARY)
    trace = model.trace(symbols)
    assert reading.text == TEXT and len(reading.layers) == 2
    for name in "ifgoch":
        np.testing.assert_array_equal(reading.layers[1][name], trace[1][name])
    assert reading.units(1, "c").span == "free" and reading.units(1, "f").values.dtype == np.float64


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda reading: reading.units(1, "h"), "layer: got 1, expected 0 to 0"),
        (lambda reading: reading.units(0, "f"), "name: got 'f', expected one of h"),
        (lambda reading: reading.units(0, "h").characters(3), "unit: got 3, expected 0 to 2"),
    ],
)
def test_what_is_not_there_is_named(call: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call(Reading("ab", [{"h": np.zeros((2, 3))}], "rnn", np.zeros(2)))  # type: ignore[operator]


def test_views_have_names_in_full() -> None:
    assert [view.name for view in views("lstm").values()] == [
        "input gate",
        "forget gate",
        "candidate",
        "output gate",
        "cell state",
        "hidden state",
    ]
