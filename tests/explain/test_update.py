"""The update at the end of a walk: the engine's own step of gradient descent, and the loss that it then computes."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from lstm_ext.cells import CELLS
from lstm_ext.data import Vocabulary
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import ModelConfig, OptimizerConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.update import in_float64, learn
from lstm_ext.explain.walk import Walk, spelling_model, walk
from lstm_ext.nn.language_model import LanguageModel

TEXT = "sea shells"
VOCABULARY = Vocabulary("".join(sorted(set(TEXT))))
#: Every cell with every option, and stacked layers.
NETWORKS = {
    f"{cell} {variant}".strip(): {"cell": cell, **options}
    for cell in CELLS
    for variant, options in CELLS[cell].variants.items()
} | {"two layers": {"num_layers": 2}, "three gru layers": {"cell": "gru", "num_layers": 3, "reset_after": True}}


def random_model(backend: str | None = None, dtype: str = "float64", **options: object) -> LanguageModel:
    size = len(VOCABULARY)
    model = LanguageModel(ModelConfig(size, 5, size, dtype=dtype, **options), backend=backend)  # type: ignore[arg-type]
    model.parameters[:] = np.random.default_rng(11).normal(0, 0.7, model.parameters.size)
    return model


def engines_step(model: LanguageModel, rate: float, clip_norm: float) -> tuple[float, float]:
    """One step of the engine's own training, and the loss before and after it."""
    symbols = VOCABULARY.encode(TEXT).astype(np.int32)[:, None]
    inputs, targets = symbols[:-1].copy(), symbols[1:].copy()
    before = model.engine.forward(inputs, targets, model.zero_state())
    model.engine.backward()
    moments = np.zeros((2, model.parameters.size))
    model.engine.update(OptimizerConfig(kind="sgd", clip_norm=clip_norm), moments, 1, rate)
    return before, model.engine.forward(inputs, targets, model.zero_state())


@pytest.mark.parametrize("backend", available_backends())
@pytest.mark.parametrize("network", NETWORKS, ids=lambda name: name.replace(" ", "-").replace(",", ""))
@pytest.mark.parametrize(("rate", "clip_norm"), [(0.3, 5.0), (2.0, 0.05)])
def test_the_update_is_the_engines_own_step(network: str, backend: str, rate: float, clip_norm: float) -> None:
    model = random_model(backend, **NETWORKS[network])
    walked = walk(model, TEXT, VOCABULARY, clip_norm=clip_norm, learning_rate=rate)
    before, after = engines_step(model, rate, clip_norm)
    updated = walked.updated
    np.testing.assert_allclose(updated.parameters, model.parameters, rtol=0, atol=1e-12)
    assert (updated.loss, updated.loss_after) == pytest.approx((before, after), abs=1e-12)
    assert walked.update.values["after"][0] == updated.loss_after
    assert (updated.scale < 1) == (clip_norm < 1)
    for unit in range(5):
        changes = updated.changes(unit)
        assert len(changes) == len({change.array for change in changes}) >= 4
        for change in changes:
            assert change.new == pytest.approx(change.old - change.step, abs=1e-12)
            assert change.step == pytest.approx(rate * updated.scale * change.gradient, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("network", NETWORKS, ids=lambda name: name.replace(" ", "-").replace(",", ""))
def test_each_kind_of_weight_is_there_with_its_largest_gradient(network: str) -> None:
    model = random_model(**NETWORKS[network])
    walked = walk(model, TEXT, VOCABULARY)
    old, new = model.weights(), LanguageModel(walked.config)
    new.load(walked.updated.parameters)
    last, cell = walked.config.num_layers - 1, CELLS[walked.config.cell]
    W, dW = old[f"layers.{last}.W"], walked.gradients["W"]
    after = new.weights()[f"layers.{last}.W"]
    changes = {change.array: change for change in walked.updated.changes(3)}
    h, H = walked.layer.recurrent_rows, walked.config.hidden_size
    for index, block in enumerate(cell.blocks):
        row = index * H + 3
        for kind, columns in (("h", slice(0, h)), ("x", slice(h, None))):
            change = changes.get(f"W{cell.suffix(block.name) or '_'}{kind}")
            if change is None:
                assert block.name not in cell.learned(walked.layer) or (kind == "h" and not h)
                continue
            k = int(np.abs(dW[row, columns]).argmax())
            assert change.index == (3, k)
            assert change.gradient == pytest.approx(dW[row, columns][k], abs=1e-14)
            assert (change.old, change.new) == pytest.approx((W[row, columns][k], after[row, columns][k]), abs=1e-14)
    to_scores, bias = changes["W_y"], changes["b_y"]
    assert to_scores.index == (int(np.abs(walked.gradients["W_y"][:, 3]).argmax()), 3)
    assert to_scores.old == old["output.W"][to_scores.index]
    assert bias.gradient == np.abs(walked.gradients["b_y"]).max() * np.sign(bias.gradient)
    if walked.layer.peephole and not walked.layer.force:
        assert {"p_f", "p_o"} <= set(changes)
    if walked.layer.reset_after:
        assert "b_nh" in changes


def test_the_loss_goes_down_from_update_to_update_and_hello_is_learned() -> None:
    for cell in ("lstm", "gru", "rnn"):
        model, vocabulary = spelling_model("hello", cell=cell)  # type: ignore[arg-type]
        losses = learn(model, "hello", vocabulary, [1.0] * 80)
        assert losses[0] > 1.3 and losses[-1] < 0.2
        assert (np.diff(losses) < 0).mean() > 0.95
        odds = walk(model, "hello", vocabulary).updated.odds
        assert odds.min() > 0.8


def test_walks_one_after_another_are_what_learning_gives() -> None:
    model, vocabulary = spelling_model("abba", cell="gru", seed=3)
    rates, walks = [0.5, 2.0, 1.0], list[Walk]()
    by_hand = in_float64(model)
    for rate in rates:
        walks.append(walk(by_hand, "abba", vocabulary, learning_rate=rate))
        by_hand.load(walks[-1].updated.parameters)
    losses = learn(model, "abba", vocabulary, rates)
    assert losses == pytest.approx([walked.loss for walked in walks], abs=1e-12)
    assert losses[1:] == pytest.approx([walked.updated.loss_after for walked in walks[:-1]], abs=1e-12)
    np.testing.assert_allclose(model.parameters, by_hand.parameters, rtol=0, atol=1e-12)


def test_for_a_small_step_the_loss_changes_as_promised() -> None:
    updated = walk(random_model(), TEXT, VOCABULARY, learning_rate=1e-4, clip_norm=0).updated
    assert updated.loss_after - updated.loss == pytest.approx(updated.promised, rel=2e-3)
    assert updated.promised < 0
    assert walk(random_model(), TEXT, VOCABULARY, learning_rate=0).updated.loss_after == updated.loss


def test_probabilities_before_and_after_are_those_of_the_targets() -> None:
    model = random_model()
    walked = walk(model, TEXT, VOCABULARY, learning_rate=0.5)
    engines_step(model, 0.5, 5.0)
    symbols = VOCABULARY.encode(TEXT)
    again = model.probabilities(symbols[:-1])
    np.testing.assert_allclose(walked.updated.odds_after, again[np.arange(len(TEXT) - 1), symbols[1:]], atol=1e-12)
    assert walked.updated.odds[2] == walked.steps[2].values["p"][walked.steps[2].target]
    data = json.loads(json.dumps(walked.as_dict()))["update"]
    assert data["learning_rate"] == 0.5 and data["loss_after"] == walked.updated.loss_after


def test_a_network_that_exploded_stays_as_it_is() -> None:
    model = random_model(cell="mingru")
    model.parameters[:] = 1e200
    with np.errstate(all="ignore"):
        walked = walk(model, TEXT, VOCABULARY)
    np.testing.assert_array_equal(walked.updated.parameters, model.parameters)


def test_a_unit_that_there_is_not() -> None:
    with pytest.raises(ArgumentError, match="unit: got 5, expected one below 5"):
        walk(random_model(), TEXT, VOCABULARY).updated.changes(5)


def test_weights_of_no_layer_are_refused() -> None:
    updated = walk(random_model(), TEXT, VOCABULARY).updated
    with pytest.raises(ArgumentError, match="old: got weights of 3"):
        replace(updated, old=replace(updated.old, config=3))  # type: ignore[arg-type]
