"""What the handbook says can be computed: equations, numbers and counts against the library, figures against docs."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from lstm_ext.cells import CELLS
from lstm_ext.cells.activations import Activations
from lstm_ext.cells.config import Weights
from lstm_ext.cells.functions import textbook_sigmoid
from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.train import diagnosis
from lstm_ext.train.run_config import DEFAULTS
from lstm_lab.handbook import facts
from lstm_lab.handbook.facts import COUNTED, Sizes, formula, half_life, kept, layer, network, share, sigmoid
from lstm_lab.handbook.topics import topics

DOCS = Path(__file__).resolve().parents[2] / "docs"


def text(id: str) -> str:
    return " ".join(topics()[id].markdown().split())


# Valves.


@pytest.mark.parametrize("x", [-40.0, -8.0, -0.1, 0.0, 1.0, 4.97, 30.0])
def test_sigmoid_is_the_librarys(x: float) -> None:
    assert sigmoid(x) == pytest.approx(float(textbook_sigmoid(np.array([x]))[0]), rel=1e-12)


def test_half_lives() -> None:
    assert kept(sigmoid(1.0), 1) == sigmoid(1.0)
    for gate in (0.1, 0.5, 0.731, 0.999):
        assert kept(gate, 1) ** half_life(gate) == pytest.approx(0.5)
    assert half_life(0.0) == 0.0 and half_life(1.0) == math.inf


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.0, "0 %"),
        (1.0, "100 %"),
        (0.731, "73.1 %"),
        (0.99999, "99.999 %"),
        (0.99999999, "> 99.999 %"),
        (0.0084, "0.8 %"),
        (2e-6, "0.0002 %"),
        (1.6e-7, "2e-5 %"),
        (1e-20, "≈ 0 %"),
    ],
)
def test_shares(value: float, written: str) -> None:
    assert share(value) == written


# Equations.

_SIGNS = {"⊙": "*", "·": "@", "ₜ₋₁": "_prev", "ₜ": "", "²": "**2", "ᵀ": ".T"}


def computed(equation: str, known: dict[str, np.ndarray]) -> tuple[str, np.ndarray]:
    """An equation of a page as Python, and what it gives."""
    name, _, right = equation.partition(" = ")
    right = right.replace("[", "cat(").replace("]", ")")
    for sign, python in _SIGNS.items():
        name, right = name.replace(sign, python), right.replace(sign, python)
    functions = {"σ": textbook_sigmoid, "tanh": np.tanh, "cat": lambda *parts: np.concatenate(parts)}
    return name, eval(right, {}, {**known, **functions})


@pytest.mark.parametrize(
    ("cell", "options"),
    [(name, tuple(option for option in changes if option != "force")) for name, cell in CELLS.items()
     for changes in cell.variants.values() if "force" not in changes],
)  # fmt: skip
def test_the_equations_of_a_page_compute_the_cells_step(cell: str, options: tuple[str, ...]) -> None:
    """Each line of the page is evaluated as it stands, from random weights and states."""
    config = layer(cell, *options)  # type: ignore[arg-type]
    rng, kind = np.random.default_rng(3), CELLS[cell]  # type: ignore[index]
    H, D = config.hidden_size, config.input_size
    arrays = {name: rng.normal(size=shape) for name, shape in config.parameter_shapes().items()}
    x, state = rng.normal(size=D), [rng.normal(size=H) for _ in kind.states]
    step = kind.step(config, Weights(**arrays), x, state)
    W = arrays["Wt"].T.reshape(len(kind.blocks), H, -1)
    known: dict[str, np.ndarray] = {"x": x, "h_prev": state[0], "one": np.ones(H)}
    if len(state) == 2:
        known["C_prev"] = state[1]
    for index, block in enumerate(kind.blocks):
        suffix = "" if len(kind.blocks) == 1 else f"_{block.name}"
        known[f"W{suffix}"], known[f"b{suffix}"] = W[index], arrays["b"][index * H : (index + 1) * H]
        if config.recurrent_rows:
            known[f"W{suffix or '_'}h"], known[f"W{suffix or '_'}x"] = W[index][:, :H], W[index][:, H:]
    known["b_nh"] = arrays["b"][-H:]
    for row, name in enumerate(kind.peepholes):
        known[f"p_{name}"] = arrays.get("peephole", np.zeros((3, H)))[row]

    stages = facts._own(kind.forward_stages(config))
    for stage in stages:
        name, value = computed(stage.equation, known)
        known[name] = value
    np.testing.assert_allclose(known["h"], step["h"], rtol=1e-12)
    if "c" in step:
        np.testing.assert_allclose(known["C"], step["c"], rtol=1e-12)
    shown = "\n".join(topic.markdown() for topic in topics().values())
    assert all(stage.equation in shown for stage in stages)


def test_pytorchs_and_keras_z_is_the_other_one() -> None:
    assert all(counterpart.negated == ("z",) for counterpart in CELLS["gru"].counterparts.values())
    x = np.linspace(-4, 4, 9)
    np.testing.assert_allclose(textbook_sigmoid(-x), 1 - textbook_sigmoid(x))
    np.testing.assert_allclose(np.tanh(x), 2 * textbook_sigmoid(2 * x) - 1)


def test_the_blocks_that_texts_call_gates() -> None:
    assert [len(CELLS[name].gates) - 1 for name in ("lstm", "gru")] == [3, 2]  # and a candidate
    assert [len(CELLS[name].blocks) for name in ("lstm", "gru", "rnn")] == [4, 3, 1]


# Parameters.


@pytest.mark.parametrize("sizes", [Sizes(), Sizes(7, 3, 1), Sizes(11, 5, 4), Sizes(2, 1, 2)], ids=str)
@pytest.mark.parametrize("name", COUNTED)
def test_formulas_count_what_the_network_has(name: str, sizes: Sizes) -> None:
    cell, options = COUNTED[name]
    V, H, L = sizes.vocabulary, sizes.hidden, sizes.layers
    python = formula(cell, *options).replace("·", "*")
    total = sum(eval(python, {}, {"H": H, "D": V if index == 0 else H}) for index in range(L)) + V * H + V
    config = network(cell, options, sizes)
    assert total == config.num_parameters
    row = next(line for line in facts.parameters(sizes).splitlines() if line.startswith(f"| {name} |"))
    assert row.endswith(f"| {config.num_parameters:,} |")


def test_every_switch_of_a_cell_is_counted() -> None:
    counted = {(cell, option) for cell, options in COUNTED.values() for option in options}
    assert counted == {(name, switch) for name, cell in CELLS.items() for switch in cell.switches}


@pytest.mark.parametrize("typed", ["", "65", "65 128 1 2", "a b", "0 3", "-1 2", "1.5 2", "65;128"])
def test_sizes_that_make_no_sense(typed: str) -> None:
    with pytest.raises(ArgumentError, match="sizes: got"):
        Sizes.parse(typed)


def test_sizes_as_they_are_typed() -> None:
    assert Sizes.parse(" 65, 128 2") == Sizes(65, 128, 2)
    assert Sizes.parse("30 8") == Sizes(30, 8, 1)
    assert Sizes.parse(str(Sizes(3, 4, 5))) == Sizes(3, 4, 5)


def test_the_numbers_that_activations_take() -> None:
    T, B, H = 50, 4, 8
    config = ModelConfig(input_size=5, hidden_size=H, output_size=5).layer(0)
    acts = Activations.empty(config, (T, B), np.dtype(np.float64))
    assert acts.c is not None and acts.extra is not None
    numbers = acts.gates.size + acts.h[1:].size + acts.c[1:].size + acts.extra.size
    assert numbers == 7 * T * B * H and "7·T·B·H" in text("parameters")


# Numbers in sentences.


@pytest.mark.parametrize(
    ("topic", "sentence"),
    [
        ("gates", f"σ(1) = {sigmoid(1):.3f} keeps {100 * sigmoid(1) ** 10:.1f} % for ten steps"),
        ("gates", f"has to be at {0.5 ** (1 / 100):.4f}, which is σ({-math.log(2 ** (1 / 100) - 1):.2f})"),
        ("biases", f"half is gone after {math.log(0.5) / math.log(sigmoid(1)):.1f} steps"),
        ("gradients", f"f = {sigmoid(1):.2f}, which is σ(1)"),
        ("loss", f"| bits per character | loss / ln 2 | {1.5 / math.log(2):.2f} |"),
        ("loss", f"| perplexity | exp(loss) | {math.exp(1.5):.2f} |"),
        ("loss", f"{math.log(65):.2f} nats for the 65 characters"),
        ("loss", f"caps the loss at {-math.log(1e-10):.0f}"),
        ("glossary", f"1 nat is {1 / math.log(2):.4f} bits"),
        ("hyperparameters", f"default {DEFAULTS['hidden_size']}. The units"),
        ("hyperparameters", f"default {DEFAULTS['lr']:g} (with Adam)"),
        ("hyperparameters", "| sgd | 0.05 to 2 |"),
        ("symptoms", f"after {diagnosis.STUCK_STEPS} steps the loss has fallen by less than 10 %"),
        ("symptoms", f"in a run of {diagnosis.PLATEAU_STEPS:,} steps or more"),
    ],
)
def test_sentences_with_numbers(topic: str, sentence: str) -> None:
    assert sentence in text(topic)


def test_eigenvalues_of_a_half_can_make_a_vector_ten_times_longer() -> None:
    W = np.array([[0.5, 10.0], [0.0, 0.5]])
    assert np.abs(np.linalg.eigvals(W)).max() == 0.5
    assert np.linalg.norm(W @ np.array([0.0, 1.0])) > 10


def test_slopes() -> None:
    x = np.linspace(-6, 6, 1201)
    assert np.gradient(textbook_sigmoid(x), x).max() == pytest.approx(0.25, abs=1e-4)
    assert np.gradient(np.tanh(x), x).max() == pytest.approx(1.0, abs=1e-3)


# Figures of experiments: those of the pages in docs, which the experiments write.


@pytest.mark.parametrize(
    ("topic", "experiment", "figures"),
    [
        ("gradients", "gradient-flow", ["1.6e-03", "1.2e-07", "4.2e-09", "2.6e-03", "5.9e-02", "3e-07", "1e-02"]),
        ("which-cell", "lstm-vs-gru", ["1.777", "1.911", "1.938", "82,881", "107,713", "33,217", "0.134"]),
        ("which-cell", "lstm-vs-gru", ["0.77 to 0.87", "1.6 to 3.3"]),
        ("which-cell", "seq2seq", ["99.0", "91.2"]),
        ("which-cell", "ner", ["+0.192", "+0.037"]),
        ("hyperparameters", "optimizers", ["3.100", "4.155", "4.174", "a factor of 1000"]),
        ("hyperparameters", "depth", ["0.044", "0.040"]),
        ("sampling", "temperature", ["93", "91", "77", "67", "41", "97"]),
        ("surgery", "ablation", ["2.199", "3.628", "2.280"]),
    ],
)
def test_figures_are_those_of_the_experiments(topic: str, experiment: str, figures: list[str]) -> None:
    page = " ".join((DOCS / "experiments" / f"{experiment}.md").read_text(encoding="utf-8").split())
    for figure in figures:
        assert figure in text(topic), figure
        assert figure in page, figure


def test_figures_of_training_are_those_of_its_page() -> None:
    page = (DOCS / "training.md").read_text(encoding="utf-8")
    assert "1.513" in page and "reach 1.51 in twelve million" in text("loss")
