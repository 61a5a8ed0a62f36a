"""The gate-by-gate walk: its numbers are the engine's, its equations give them, its steps add up to the gradient."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from lstm_ext.cells import CELLS
from lstm_ext.cells.cell import NamedWeights, Values
from lstm_ext.cells.lstm import LSTMCell
from lstm_ext.data import Vocabulary
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.walk import Walk, spelling_model, walk, weight_gradient
from lstm_ext.nn.language_model import LanguageModel
from lstm_lab.text import formulas
from lstm_lab.text.formulas import ascii_formula

TEXT = "sea shells"
VOCABULARY = Vocabulary("".join(sorted(set(TEXT))))
NETWORKS = {
    **{name: {"cell": name} for name in CELLS},
    "peephole": {"peephole": True},
    "coupled": {"coupled": True},
    "coupled peephole": {"coupled": True, "peephole": True},
    "no forgetting": {"force": {"forget": 1.0}},
    "input and output forced": {"force": {"input": 0.7, "output": 0.9}, "peephole": True},
    "coupled to a forced input": {"coupled": True, "force": {"input": 0.4}},
    "coupled, forget forced": {"coupled": True, "force": {"forget": 0.8}},
    "gru reset after": {"cell": "gru", "reset_after": True},
    "two layers": {"num_layers": 2},
    "three layers of gru": {"cell": "gru", "num_layers": 3, "reset_after": True},
}


def random_model(backend: str | None = None, dtype: str = "float64", **options: object) -> LanguageModel:
    """Every parameter random, biases and peepholes too, so that nothing is hidden by a zero."""
    size = len(VOCABULARY)
    model = LanguageModel(ModelConfig(size, 5, size, dtype=dtype, **options), backend=backend)  # type: ignore[arg-type]
    model.parameters[:] = np.random.default_rng(7).normal(0, 0.7, model.parameters.size)
    return model


@pytest.fixture(params=NETWORKS, ids=lambda name: name.replace(" ", "-"))
def walked(request: pytest.FixtureRequest) -> Walk:
    return walk(random_model(**NETWORKS[request.param]), TEXT, VOCABULARY)


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("network", NETWORKS, ids=lambda name: name.replace(" ", "-"))
def test_steps_add_up_to_the_gradient_of_the_engine(network: str, backend: str) -> None:
    model = random_model(backend, **NETWORKS[network])
    symbols = VOCABULARY.encode(TEXT).astype(np.int32)[:, None]
    loss = model.engine.forward(symbols[:-1].copy(), symbols[1:].copy(), model.zero_state())
    model.engine.backward()
    engine, last = model.gradients(), model.config.num_layers - 1

    result = walk(model, TEXT, VOCABULARY)
    total: dict[str, np.ndarray] = {}
    for step in result.steps:
        for name, part in weight_gradient(result.layer, step.values).items():
            total[name] = total.get(name, 0) + part
    names = {"W_y": "output.W", "b_y": "output.b"}
    for name, array in total.items():
        expected = engine[names.get(name, f"layers.{last}.{name}")]
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-12, err_msg=name)
        assert np.abs(expected).max() > 1e-4
    assert {names.get(name, f"layers.{last}.{name}") for name in total} >= {n for n in engine if f".{last}." in n}
    assert result.loss == pytest.approx(loss, abs=1e-12)
    assert result.backend == backend
    assert 0 <= result.difference < 1e-12


def test_a_wrong_step_would_show_as_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    right = LSTMCell.state_gradients

    def without_memory(cell: LSTMCell, weights: NamedWeights, v: Values, later: Values) -> None:
        right(cell, weights, v, {name: value for name, value in later.items() if name != "dc_prev"})

    monkeypatch.setattr(LSTMCell, "state_gradients", without_memory)
    assert walk(random_model(), TEXT, VOCABULARY).difference > 1e-3


def test_values_of_the_forward_pass_are_those_of_the_engine(walked: Walk) -> None:
    model = LanguageModel(walked.config)
    model.parameters[:] = random_model(
        **{k: getattr(walked.config, k) for k in ("cell", "num_layers", "reset_after", "peephole", "coupled", "force")}
    ).parameters
    trace = model.trace(VOCABULARY.encode(TEXT[:-1]))
    top = trace.values(model.config.num_layers - 1)
    for t, step in enumerate(walked.steps):
        for name, values in top.items():
            np.testing.assert_allclose(step.values[name], values[t], rtol=0, atol=1e-14, err_msg=name)
        np.testing.assert_allclose(step.values["p"], trace.probabilities[t], rtol=0, atol=1e-14)
        if walked.config.num_layers > 1:
            np.testing.assert_array_equal(step.values["x"], trace.values(model.config.num_layers - 2)["h"][t])
        else:
            assert step.values["x"].tolist() == [float(c == TEXT[t]) for c in VOCABULARY.symbols]
    assert walked.loss == pytest.approx(np.mean([step.values["loss"][0] for step in walked.steps]), abs=1e-14)


def test_every_step_reads_one_character_and_predicts_the_next(walked: Walk) -> None:
    read = "".join(VOCABULARY.symbols[step.symbol] for step in walked.steps)
    wanted = "".join(VOCABULARY.symbols[step.target] for step in walked.steps)
    assert (read, wanted) == (TEXT[:-1], TEXT[1:])
    assert [step.t for step in walked.steps] == list(range(1, len(TEXT)))
    phases = [(moment.phase, moment.step.t) for moment in walked.moments]
    order = list(dict.fromkeys(phases))
    there = [("forward", t) for t in range(1, len(TEXT))]
    back = [("backward", t) for t in range(len(TEXT) - 1, 0, -1)]
    assert order == [*there, *back, ("update", 0)]


def test_equations_filled_with_numbers_give_the_value(walked: Walk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formulas, "format_number", lambda value: repr(float(value)))
    functions = {
        "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
        "tanh": np.tanh,
        "exp": np.exp,
        "ln": np.log,
        "sqrt": np.sqrt,
        "min": min,
    }
    evaluated = set()
    for moment in walked.moments:
        for unit in (0, 4):
            if formula := formulas.filled(moment, unit):
                code = ascii_formula(formula).replace("^2", "**2")
                code = re.sub(r"(ln|sqrt) ?([\d.]+(e-?\d+)?)", r"\1(\2)", code)
                assert eval(code, functions) == pytest.approx(moment.value(unit), rel=1e-9, abs=1e-15), moment.stage.id
                evaluated.add(moment.stage.id)
            if parts := formulas.summands(moment, unit):
                assert sum(part.value for part in parts) == pytest.approx(moment.value(unit), abs=1e-14)
    silent = {"x", "h_prev", "c_prev", "dW", "dW_y", "total", "step", "after"}
    forced = {name[0] for name in walked.layer.force}
    assert {moment.stage.id for moment in walked.moments} - evaluated == silent & {
        moment.stage.id for moment in walked.moments
    } | forced


def test_products_written_out_give_the_summands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formulas, "format_number", lambda value: repr(float(value)))
    model, vocabulary = spelling_model("hello", hidden_size=3, seed=3)
    written = 0
    for moment in walk(model, "hello", vocabulary).moments:
        for part in formulas.summands(moment, 2):
            if "·" in part.product:
                assert eval(part.product.replace("·", "*")) == pytest.approx(part.value, abs=1e-14)
                written += 1
            elif part.label == "input":
                assert part.product == f"column {vocabulary.symbols[moment.step.symbol]!r} of {part.symbol[:4]}"
    assert written == 4 * (4 + 1 + 1 + 4)  # per step: four gates, the scores, dh, four ways back
    later = next(m for m in walk(model, "hello", vocabulary).moments if (m.stage.id, m.step.t) == ("a_f", 3))
    recurrent = formulas.summands(later, 0, most=2)[0]
    largest, rest = re.fullmatch(r"(.*) ([+-] [\d.e-]+) from 2 more", recurrent.product).groups()  # type: ignore[union-attr]
    terms = later.summands(0)[0].row * later.summands(0)[0].vector  # type: ignore[operator]
    assert eval(largest.replace("·", "*")) == pytest.approx(max(terms, key=abs))
    assert eval((largest + rest).replace("·", "*")) == pytest.approx(recurrent.value, abs=1e-14)


# --- gradients against finite differences, on a forward pass written for this test ---------------

#: The cells that it is written for.
FORWARD = ("lstm", "gru", "rnn")


def loss_with(walked: Walk, vectors: dict[str, np.ndarray], at: int, name: str, nudge: np.ndarray) -> float:
    """The loss if ``nudge`` is added to the value ``name`` of step ``at`` as soon as it is known."""
    config, m = walked.layer, walked.matrices
    h = c = np.zeros(config.hidden_size)
    losses = []

    def sigmoid(a: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-a))

    for step in walked.steps:

        def nudged(key: str, value: np.ndarray, t: int = step.t) -> np.ndarray:
            return value + nudge if (t, key) == (at, name) else value

        x = step.values["x"]
        h, c = nudged("h_prev", h), nudged("c_prev", c)

        def a(gate: str, state: np.ndarray, seen: np.ndarray | None = None, x: np.ndarray = x) -> np.ndarray:
            total = m[f"W_{gate}h"] @ state + m[f"W_{gate}x"] @ x + vectors[f"b_{gate}"]
            return total if seen is None or not config.peephole else total + vectors[f"p_{gate}"] * seen

        if config.cell == "lstm":
            f = nudged("f", sigmoid(nudged("a_f", a("f", h, c))))
            i = nudged("i", 1 - f if config.coupled else sigmoid(nudged("a_i", a("i", h, c))))
            c = nudged("c", f * c + i * nudged("g", np.tanh(nudged("a_g", a("g", h)))))
            h = nudged("o", sigmoid(nudged("a_o", a("o", h, c)))) * np.tanh(c)
        elif config.cell == "gru":
            r = nudged("r", sigmoid(nudged("a_r", a("r", h))))
            z = nudged("z", sigmoid(nudged("a_z", a("z", h))))
            if config.reset_after:
                memory = nudged("m", m["W_nh"] @ h + vectors["b_nh"])
                a_n = m["W_nx"] @ x + vectors["b_n"] + r * memory
            else:
                a_n = a("n", nudged("s", r * h))
            h = (1 - z) * h + z * nudged("n", np.tanh(nudged("a_n", a_n)))
        else:
            h = np.tanh(nudged("a", m["W_h"] @ h + m["W_x"] @ x + vectors["b"]))
        h = nudged("h", h)
        y = nudged("y", m["W_y"] @ h + vectors["b_y"])
        losses.append(np.log(np.exp(y).sum()) - y[step.target])
    return float(np.mean(losses))


@pytest.mark.parametrize(
    "network",
    [
        name
        for name, network in NETWORKS.items()
        if "layers" not in name and "force" not in str(network) and network.get("cell", "lstm") in FORWARD
    ],
)
def test_every_gradient_on_the_way_is_that_of_finite_differences(network: str) -> None:
    model = random_model(**NETWORKS[network])
    walked, h = walk(model, TEXT, VOCABULARY), model.config.hidden_size
    weights = model.weights()
    vectors = {"b_y": weights["output.b"], "b_nh": weights["layers.0.b"][-h:]}
    for index, gate in enumerate(block.name for block in CELLS[model.config.cell].blocks):
        vectors["b" if gate == "h" else f"b_{gate}"] = weights["layers.0.b"][index * h : (index + 1) * h]
    if model.config.peephole:
        vectors |= dict(zip(("p_i", "p_f", "p_o"), weights["layers.0.peephole"], strict=True))
    eps = 1e-5
    checked = set()
    for moment in walked.moments:
        if moment.phase != "backward" or moment.step.t not in (1, 4, len(walked.steps)):
            continue
        name = moment.stage.id.removeprefix("d")
        if name in ("W", "W_y") or (name == "i" and walked.layer.coupled):
            continue  # where i = 1 - f, di is a summand of df
        gradient = moment.values
        for k in range(gradient.size):
            nudge, t = eps * np.eye(gradient.size)[k], moment.step.t
            above, below = (loss_with(walked, vectors, t, name, sign * nudge) for sign in (1, -1))
            slope = (above - below) / (2 * eps)
            assert gradient[k] == pytest.approx(slope, abs=1e-9), (moment.stage.id, moment.step.t)
        checked.add(name)
    cell = walked.layer.cell
    gates = {"lstm": {"f", "i", "g", "o", "c", "c_prev"}, "gru": {"r", "z", "n"}, "rnn": set()}[cell]
    assert checked >= {"y", "h", "h_prev"} | gates - ({"i"} if walked.layer.coupled else set())


# --- the rest -------------------------------------------------------------------------------------


def test_a_forced_gate_is_constant_and_has_no_gradient() -> None:
    walked = walk(random_model(force={"forget": 1.0}), TEXT, VOCABULARY)
    ids = {moment.stage.id for moment in walked.moments}
    assert "f" in ids and not ids & {"a_f", "df", "da_f"}
    assert all(step.values["f"].tolist() == [1.0] * 5 for step in walked.steps)
    sizes = dict(zip(walked.arrays, walked.update.values["total"], strict=True))
    assert sizes["W_f"] == sizes["b_f"] == 0 and sizes["W_i"] > 0


def test_the_update_has_norms_and_clipping() -> None:
    model = random_model("numpy", num_layers=2)
    walked = walk(model, TEXT, VOCABULARY, clip_norm=0.01)
    values = walked.update.values
    assert walked.arrays[0] == "layer 1" and walked.arrays[1:3] == ("W_i", "b_i")
    assert values["norm"][0] == pytest.approx(np.linalg.norm(values["total"]), rel=1e-12)
    assert values["scale"][0] == pytest.approx(0.01 / values["norm"][0])
    assert walk(model, TEXT, VOCABULARY, clip_norm=0).update.values["scale"][0] == 1.0
    assert walk(model, TEXT, VOCABULARY, clip_norm=1e6).update.values["scale"][0] == 1.0


def test_weight_rows_are_rows_of_the_contribution(walked: Walk) -> None:
    step, h = walked.steps[3], walked.layer.hidden_size
    dW, unit = weight_gradient(walked.layer, step.values)["W"], 2
    rows = {row.weights: row for row in walked.weight_rows(step, unit)}
    for index, gate in enumerate(block.name for block in CELLS[walked.layer.cell].blocks):
        row = rows.get("W" if gate == "h" else f"W_{gate}")
        if row is None:
            assert not dW[index * h : (index + 1) * h].any()
            continue
        parts = [part for part in (row.recurrent, row.input) if part is not None]
        np.testing.assert_array_equal(np.concatenate(parts), dW[index * h + unit])
        assert row.da == step.values["da" if gate == "h" else f"da_{gate}"][unit]


def test_walking_leaves_a_model_as_it_was_and_works_in_float64() -> None:
    model = random_model(dtype="float32")
    model.gradient[:] = 3
    parameters = model.parameters.copy()
    walked = walk(model, TEXT, VOCABULARY)
    np.testing.assert_array_equal(model.parameters, parameters)
    assert (model.gradient == 3).all()
    assert walked.config.dtype == "float64" and walked.difference < 1e-12
    assert all(value.dtype == np.float64 for name, value in walked.steps[0].values.items() if name not in "TV")


@pytest.mark.parametrize("network", [{}, {"cell": "gru"}, {"cell": "gru", "reset_after": True}, {"cell": "rnn"}])
@pytest.mark.parametrize("text", ["hello", "abracadabra", "aa"])
def test_a_trained_model_spells_its_text(network: dict[str, bool], text: str) -> None:
    model, vocabulary = spelling_model(text, trained=True, hidden_size=4, **network)
    assert vocabulary.symbols == "".join(sorted(set(text)))
    walked = walk(model, text, vocabulary)
    assert min(step.values["p"][step.target] for step in walked.steps) >= 0.9
    again, _ = spelling_model(text, trained=True, hidden_size=4, **network)
    np.testing.assert_array_equal(model.parameters, again.parameters)


def test_an_untrained_model_starts_with_a_forget_bias_of_one() -> None:
    model, vocabulary = spelling_model("hello")
    first = walk(model, "hello", vocabulary).steps[0].values
    assert first["a_f.bias"].tolist() == [1.0, 1.0, 1.0] and first["a_i.bias"].tolist() == [0.0, 0.0, 0.0]
    assert walk(model, "hello", vocabulary).loss == pytest.approx(np.log(4), rel=0.05)


@pytest.mark.parametrize(("text", "message"), [("a", "at least 2 characters"), ("", "at least 2"), ("sea!", "'!'")])
def test_unusable_texts_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        walk(random_model(), text, VOCABULARY)


def test_meanings_name_the_unit_and_its_share() -> None:
    model, vocabulary = spelling_model("hello", seed=1)
    walked = walk(model, "hello", vocabulary)
    moment = next(m for m in walked.moments if m.stage.id == "f" and m.step.t == 2)
    share = 100 * moment.step.values["f"][1]
    assert f"unit 1 keeps {share:.3g} %" in formulas.meaning(moment, 1)
    assert not any("{" in formulas.meaning(m, 0) + formulas.filled(m, 0) for m in walked.moments)


def test_the_whole_walk_is_json(walked: Walk) -> None:
    data = json.loads(json.dumps(walked.as_dict()))
    assert data["text"] == TEXT and data["loss"] == walked.loss
    assert data["steps"][2]["values"]["h"] == walked.steps[2].values["h"].tolist()
    assert [stage["id"] for stage in data["stages"]["forward"]] == [
        moment.stage.id for moment in walked.moments if moment.phase == "forward" and moment.step.t == 1
    ]
    assert data["norm"] == walked.update.values["norm"][0]


def test_every_sentence_and_equation_has_only_signs_with_an_ascii_spelling(walked: Walk) -> None:
    for moment in walked.moments:
        written = (formulas.symbol(moment), formulas.equation(moment), moment.stage.name)
        for text in (*written, formulas.filled(moment, 0), formulas.meaning(moment, 0)):
            assert "\\" not in ascii_formula(text), text
