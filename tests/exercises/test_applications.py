"""The solutions of the applications, against the library's own parts at odd sizes."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from lstm_ext import Lanes, LanguageModel, ModelConfig, nn
from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.grading.inline import execute


def _solution(exercise: str) -> ModuleType:
    module = ModuleType("solution")
    module.__file__ = "<solution>"
    assert execute(exercises()[exercise].solution, module) is None
    return module


@pytest.mark.parametrize(("length", "lanes", "steps"), [(2, 1, 1), (23, 1, 7), (50, 3, 4), (199, 5, 25), (64, 7, 100)])
def test_batches_predict_every_successor_once_as_the_librarys_lanes_do(length: int, lanes: int, steps: int) -> None:
    batches = _solution("language_model").make_batches(np.arange(length), lanes, steps)
    reference = Lanes(np.arange(length), lanes, steps)
    assert len(batches) == reference.steps
    pairs = [(x[y >= 0], y[y >= 0]) for x, y in batches]
    for x, y in pairs:
        np.testing.assert_array_equal(y, x + 1)
    assert sorted(np.concatenate([y for _, y in pairs])) == list(range(1, length))
    whole = np.concatenate([x for x, _ in batches])
    counted = np.concatenate([y for _, y in batches]) >= 0
    for lane in range(lanes):
        assert np.all(np.diff(whole[counted[:, lane], lane]) == 1)


def test_the_loss_is_the_librarys_also_where_the_network_is_sure_and_wrong() -> None:
    module, rng = _solution("language_model"), np.random.default_rng(0)
    for scale in (1.0, 300.0):
        scores, targets = rng.normal(0, scale, (7, 3, 11)), rng.integers(-1, 11, (7, 3))
        assert module.cross_entropy(scores, targets) == pytest.approx(nn.cross_entropy(scores, targets)[0], rel=1e-12)
    assert module.cross_entropy(np.array([[[0.0, 800.0]]]), np.array([[0]])) == 800.0
    assert module.perplexity(np.log(11)) == pytest.approx(11)
    assert module.bits_per_char(np.log(32)) == pytest.approx(5)


def test_bigrams_by_counting_by_hand() -> None:
    module = _solution("language_model")
    # 0 is followed twice by 1 and once by 2; with one each: 1/6, 3/6, 2/6. 2 was never followed: 1/3 each.
    found = module.bigram_loss(np.array([0, 1, 0, 1, 0, 2]), np.array([0, 0, 1, 2, 2]), 3)
    # 1 is followed twice by 0: 3/5, 1/5, 1/5.
    assert found == pytest.approx(-np.mean(np.log([1 / 6, 3 / 6, 1 / 5, 1 / 3])))


def test_evaluation_and_likeliest_text_are_the_librarys() -> None:
    module, rng = _solution("language_model"), np.random.default_rng(1)
    network = module.Network(9, hidden_size=5, seed=3)
    network.model = LanguageModel(ModelConfig(9, 5, 9, dtype="float64"), seed=3)
    network.model.parameters *= 4
    symbols = rng.integers(0, 9, 48)
    expected, _ = network.model.evaluate(symbols[:-1, None], symbols[1:, None])
    assert module.evaluate(network, symbols, 10) == pytest.approx(expected, rel=1e-12)
    drawn = module.sample(network, symbols[:5], 30, 0, rng)
    np.testing.assert_array_equal(drawn, network.model.sample(symbols[:5], 30, temperature=0))
