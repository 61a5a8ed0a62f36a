"""The solutions of the applications, against the library's own parts at odd sizes."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from lstm_ext import Lanes, LanguageModel, ModelConfig, nn
from lstm_ext.data.batch import Batch
from lstm_ext.tasks.series import SplitSeries, forecast_baselines
from lstm_lab.exercises.authoring import ladder_of
from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.grading.inline import InlineRunner, execute


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


def test_windows_and_scale_are_those_of_the_librarys_split_series() -> None:
    module, rng = _solution("time_series"), np.random.default_rng(2)
    series = rng.normal(5, 3, 64)
    data = module.prepare(series, 48, 7, 3)
    reference = SplitSeries(series, past=7, future=3, test=0.25)
    assert len(reference.train_values) == 48
    inputs, targets = data["test"]
    np.testing.assert_allclose(inputs.T, reference.test().inputs[:, :, 0], rtol=1e-12)
    np.testing.assert_allclose(targets.T, reference.test().targets[:, :, 0], rtol=1e-12)
    np.testing.assert_allclose(module.unscale(targets[0], data), series[48:51], rtol=1e-12)
    np.testing.assert_allclose(module.unscale(data["train"][1][-1], data), series[45:48], rtol=1e-12)


def test_errors_of_the_baselines_are_the_librarys() -> None:
    module, rng = _solution("time_series"), np.random.default_rng(3)
    data = module.prepare(np.cumsum(rng.normal(size=300)), 200, 25, 4)
    train, test = (Batch(x.T[:, :, None], None, y.T[:, :, None]) for x, y in (data["train"], data["test"]))
    errors = module.compare(data, 5, {"true": data["test"][1]})
    assert errors.pop("true") == 0
    for name, error in forecast_baselines(train, test).items():
        # The library's mean is that of the training windows' futures, which leave out the first values.
        assert errors[name] == pytest.approx(error * data["deviation"] ** 2, rel=0.1 if name == "mean" else 1e-9)


def test_forecasts_step_by_step_are_the_librarys() -> None:
    module, rng = _solution("time_series"), np.random.default_rng(4)
    network = module.OneStep(seed=5)
    network.model.parameters *= 4
    inputs = rng.normal(size=(3, 11))
    expected = network.model.forecast(inputs.T[:, :, None], horizon=6)[:, :, 0].T
    np.testing.assert_allclose(module.step_by_step(network, inputs, 6), expected, rtol=1e-5, atol=1e-6)


def test_a_line_through_two_values_is_exact_on_a_sine() -> None:
    module = _solution("time_series")
    inputs, targets = module.make_windows(np.sin(0.3 * np.arange(80)), 5, 3)
    np.testing.assert_allclose(module.linear((inputs[:40], targets[:40]), inputs, 2), targets, atol=1e-12)
    assert module.seasonal(np.array([[1, 2, 3, 4, 5]]), 5, 2).tolist() == [[4, 5, 4, 5, 4]]


def test_pooling_and_its_gradient_are_the_librarys() -> None:
    module, rng = _solution("sentiment"), np.random.default_rng(6)
    h, dout, lengths = rng.normal(size=(9, 5, 3)), rng.normal(size=(5, 3)), np.array([9, 1, 4, 8, 2])
    for name, pooling in (("last_state", nn.Last()), ("mean_state", nn.Mean())):
        expected = pooling.forward(h, lengths)
        np.testing.assert_allclose(getattr(module, name)(h, lengths), expected, rtol=1e-12)
        found = getattr(module, f"{name}_backward")(dout, lengths, 9)
        np.testing.assert_allclose(found, pooling.backward(dout), rtol=1e-12)


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_the_network_of_the_exercise_is_the_gradient_of_its_own_loss_and_does_not_see_padding(pooling: str) -> None:
    module, rng = _solution("sentiment"), np.random.default_rng(7)
    model = module.Classifier(8, pooling).build(seed=1, dtype="float64")
    words, lengths = rng.integers(0, 8, (6, 4)), np.array([6, 1, 3, 4])
    batch = Batch(words, lengths, rng.integers(0, 2, 4))
    assert max(nn.gradient_errors(model, batch, entries=15).values()) < 1e-5
    longer = np.concatenate([words, rng.integers(0, 8, (3, 4))])
    np.testing.assert_allclose(model.forward(longer, lengths), model.forward(words, lengths), rtol=1e-12)


def test_counted_words_by_hand() -> None:
    module = _solution("sentiment")
    train = [["good", "film"], ["good", "good", "plot"], ["bad", "film"], ["bad"]]
    # Weights: good log 4, bad -log 3, film 0, plot log 2.
    cases = [["bad", "good"], ["bad", "bad", "good"], ["film"], ["bad", "plot", "new"], ["plot"]]
    assert module.word_rule(train, [1, 1, 0, 0], cases) == [1, 0, 0, 0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("exercise", "old", "new", "where", "message"),
    [
        (
            "language_model",
            "return sorted(set(text))",
            "return sorted(set(text), reverse=True)",
            ("vocabulary", "unsorted"),
            'the vocabulary of "hello" is wrong.',
        ),
        (
            "language_model",
            "return [(inputs[t : t + seq_length], targets[t : t + seq_length]) for t in range(0, length, seq_length)]",
            "return [(inputs, targets)]",
            ("batches", "too-long"),
            "With 24 symbols, 1 lane, seq_length 5: batch 1 has 23 steps.",
        ),
        (
            "language_model",
            "/ temperature)",
            "/ temperature**2)",
            ("temperature", "wrong"),
            "the distribution of 600 symbols at T = 0.6 is wrong.",
        ),
        (
            "language_model",
            "lr=0.01",
            "lr=1e-6",
            ("measured", "not-learned"),
            "The rnn needs",
        ),
        (
            "time_series",
            "network.read(latest[:, None], state)",
            "network.read(latest, state)",
            ("step by step", "raised"),
            "Your code stopped with an error: ValueError: inputs: got shape (5,), expected (B, T).",
        ),
        (
            "time_series",
            "        **forecasts,\n",
            "",
            ("comparison", "missing"),
            'the error of "direct" is missing: compare(data, period, forecasts) returned a dictionary without it, only '
            'the error of "mean", the error of "persistence", ',
        ),
        (
            "sentiment",
            "return train_sentences, [reviews[n][1] for n in train], test_sentences,",
            "return train_sentences, test_sentences, [reviews[n][1] for n in train],",
            ("split", "wrong"),
            "the list of what comes back is wrong.",
        ),
        (
            "sentiment",
            "network.train(words, lengths, labels[chosen])",
            "network.train(words, lengths, 1 - labels[chosen])",
            ("learning", "wrong"),
            "the number of reviews with a wrong label is wrong.",
        ),
    ],
)
def test_what_is_no_known_mistake_still_gets_a_message_of_its_own(
    exercise: str, old: str, new: str, where: tuple[str, str], message: str
) -> None:
    ladder = ladder_of(exercises()[exercise])
    solution = exercises()[exercise].solution
    assert solution.count(old) == 1
    runner = InlineRunner(solution.replace(old, new), [rung.probe for rung in ladder.rungs])
    broken = ladder.climb(exercise, runner, 1).broken
    assert broken is not None and broken.finding is not None
    assert (broken.name, broken.finding.code) == where
    assert broken.finding.message.startswith(message)
