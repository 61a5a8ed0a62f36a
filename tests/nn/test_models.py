"""Whole networks, on every engine: gradients, padding, and what they can be asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lstm_ext import nn
from lstm_ext.engine.backend import available_backends, engine_module
from lstm_ext.engine.config import ModelConfig
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.nn.numerics import relative_error
from lstm_ext.verify.networks import verification_cases

pytestmark = pytest.mark.filterwarnings("error")

T, B, D, H, V = 6, 4, 3, 4, 5
LENGTHS = np.array([6, 1, 3, 5])
backends = pytest.mark.parametrize("backend", available_backends())


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([11, seed]).normal(size=shape)


def symbols(*shape: int, high: int = V, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([12, seed]).integers(0, high, shape)


def randomised(model: Any) -> Any:
    model.parameters[...] = np.random.default_rng(8).normal(scale=0.6, size=model.parameters.shape)
    return model


TAGS = np.where(np.arange(T)[:, None] < LENGTHS, symbols(T, B, high=3), -1)
#: (U, B): the ends are symbol 2, and −1 comes after them.
WRITTEN = np.array([[3, 4, 2, 2], [2, 0, -1, -1], [-1, 2, -1, -1]])
ALL: dict[str, Any] = {
    "num_layers": 2,
    "bidirectional": True,
    "dropout": 0.3,
    "recurrent_dropout": 0.2,
    "layer_norm": True,
    "peephole": True,
}
MODELS: dict[str, tuple[Callable[[], nn.Model], tuple[Any, Any, Any]]] = {
    "classifier": (lambda: nn.Classifier(V, H, 3), (symbols(T, B), LENGTHS, symbols(B, high=3))),
    "classifier, mean": (
        lambda: nn.Classifier(V, H, 3, pooling="mean", embedding_size=2, cell="gru", recurrent_dropout=0.3),
        (symbols(T, B), None, symbols(B, high=3)),
    ),
    "classifier, attention": (
        lambda: nn.Classifier(D, H, 3, pooling="attention", **ALL),
        (numbers(T, B, D), LENGTHS, symbols(B, high=3)),
    ),
    "tagger": (lambda: nn.Tagger(V, H, 3, embedding_size=2, **ALL), (symbols(T, B), LENGTHS, TAGS)),
    "regressor": (
        lambda: nn.Regressor(D, H, 2, cell="rnn", bidirectional=True, dropout=0.2),
        (numbers(T, B, D), LENGTHS, numbers(B, 2)),
    ),
    "direct forecaster": (
        lambda: nn.DirectForecaster(D, H, 5, cell="gru", reset_after=True),
        (numbers(T, B, D), LENGTHS, numbers(5, B, D)),
    ),
    "autoregressive forecaster": (
        lambda: nn.AutoregressiveForecaster(D, H, dropout=0.2),
        nn.one_step_ahead(numbers(T + 1, B, D), LENGTHS + 1),
    ),
    "language model": (
        lambda: LanguageModel(ModelConfig(V, H, 6, num_layers=2, dropout=0.3, peephole=True, dtype="float64")),
        (symbols(T, B), LENGTHS, symbols(T, B, high=6)),
    ),
    "sequence to sequence": (
        lambda: nn.Seq2Seq(V, 6, H, end=2, num_layers=2, dropout=0.2, recurrent_dropout=0.3),
        (symbols(T, B), LENGTHS, WRITTEN),
    ),
    "sequence to sequence, embedded": (
        lambda: nn.Seq2Seq(V, 6, H, end=2, start=5, embedding_size=3, cell="gru"),
        (symbols(T, B), LENGTHS, WRITTEN),
    ),
}
models = pytest.mark.parametrize("name", MODELS)


def built(name: str, backend: str | None = None) -> tuple[nn.Model, tuple[Any, Any, Any]]:
    make, batch = MODELS[name]
    model = make()
    if isinstance(model, LanguageModel):  # built by its constructor
        model.use(engine_module(backend))
    else:
        model.build(dtype="float64", backend=backend)
    return randomised(model), batch


@backends
@models
@pytest.mark.parametrize("training", [True, False])
def test_gradients(backend: str, name: str, training: bool) -> None:
    model, batch = built(name, backend)
    model.train(training)
    errors = nn.gradient_errors(model, batch, entries=15)
    assert set(errors) - {"inputs"} == set(model.weights())
    assert ("inputs" in errors) == (np.asarray(batch[0]).ndim == 3)
    assert max(errors.values()) < 1e-6, errors


def test_a_wrong_gradient_shows() -> None:
    model, batch = built("tagger")

    class Wrong(nn.Linear):
        def backward(self, dout: np.ndarray) -> np.ndarray:
            return 1.001 * super().backward(dout)

    model.output.__class__ = Wrong  # type: ignore[attr-defined]
    errors = nn.gradient_errors(model, batch)
    assert errors["output.W"] < 1e-6 and errors["reader.embedding.W"] > 1e-4


@backends
@models
def test_both_modes_are_one_without_dropout(backend: str, name: str) -> None:
    """Evaluation is the same network as one that never had dropout."""
    model, batch = built(name, backend)
    loss = model.loss(*batch)
    for _, module in model.modules():
        for p in ("p", "recurrent_dropout"):
            if hasattr(module, p):
                setattr(module, p, 0.0)
    if isinstance(model, LanguageModel):
        model = LanguageModel(replace(model.config, dropout=0.0), backend=backend)
        randomised(model)
    model.train()
    assert model.loss_and_gradient(*batch) == loss


@models
def test_dropout_acts_in_training_only(name: str) -> None:
    model, batch = built(name)
    drops = any(getattr(module, p, 0) > 0 for _, module in model.modules() for p in ("p", "recurrent_dropout"))
    drops |= isinstance(model, LanguageModel)
    once = model.loss(*batch)
    assert model.loss(*batch) == once
    model.train()
    assert (model.loss_and_gradient(*batch) != model.loss_and_gradient(*batch)) == drops
    assert model.loss(*batch) == once and model.training


@models
def test_padding_never_changes_a_loss(name: str) -> None:
    model, (inputs, lengths, targets) = built(name)
    if lengths is None:
        lengths = np.full(B, T)
    expected = model.loss_and_gradient(inputs, lengths, targets)
    gradient = model.gradient.copy()
    padded = np.concatenate([inputs, inputs[:3] if inputs.ndim == 2 else np.full((3, B, D), np.nan)])
    if isinstance(model, nn.Tagger | nn.AutoregressiveForecaster | LanguageModel):
        filler = np.full((3, B), -1) if targets.ndim == 2 else np.full((3, B, D), np.nan)
        targets = np.concatenate([targets, filler])
    assert model.loss_and_gradient(padded, lengths, targets) == pytest.approx(expected, rel=1e-13)
    np.testing.assert_allclose(model.gradient, gradient, rtol=0, atol=1e-13)


@backends
@pytest.mark.parametrize("name", verification_cases())
def test_cases_for_verification(backend: str, name: str) -> None:
    """Nothing is NaN or of the wrong dtype, draws differ, and gradients are those of differences."""
    engine, make = engine_module(backend), verification_cases((4,))[name]
    for dtype in ("float32", "float64"):
        results, other = (make(dtype, draw).results(engine) for draw in (0, 1))
        for key, array in results.items():
            assert array.dtype == (dtype if key != "loss" else "float64"), key
            assert np.isfinite(array).all() and (array != other[key]).any(), key
    given, numerical = make("float64", 0).gradients(engine, 5)
    assert set(given) == set(results) - {"loss"}
    for key, gradient in given.items():
        assert gradient.size <= 5 and relative_error(gradient, numerical[key]) < 1e-6, key


# --------------------------------------------------------------------------------------- what they answer


def test_predictions() -> None:
    classifier, (inputs, lengths, _) = built("classifier, attention")
    assert isinstance(classifier, nn.Classifier)
    classifier.train()
    labels = classifier.predict(inputs, lengths)
    assert classifier.training and labels.shape == (B,)
    classifier.eval()
    np.testing.assert_array_equal(labels, classifier.forward(inputs, lengths).argmax(axis=1))
    tagger, (inputs, lengths, _) = built("tagger")
    assert isinstance(tagger, nn.Tagger)
    tags = tagger.predict(inputs, lengths)
    logits, counted = tagger.forward(inputs, lengths), np.arange(T)[:, None] < lengths
    np.testing.assert_array_equal(tags[counted], logits.argmax(axis=2)[counted])
    assert (tags[~counted] == -1).all() and (tagger.predict(inputs) >= 0).all()
    regressor, (inputs, lengths, _) = built("regressor")
    assert isinstance(regressor, nn.Regressor)
    np.testing.assert_array_equal(regressor.predict(inputs, lengths), regressor.forward(inputs, lengths))


def test_attention_weights_can_be_looked_at() -> None:
    model, (inputs, lengths, _) = built("classifier, attention")
    assert isinstance(model, nn.Classifier)
    model.forward(inputs, lengths)
    weights = model.attention_weights
    assert weights.shape == (T, B) and (weights > 0)[np.arange(T)[:, None] < lengths].all()
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-13)
    with pytest.raises(ValueError, match="attention_weights: this network pools without attention"):
        nn.Classifier(V, H, 3).attention_weights  # noqa: B018
    with pytest.raises(ValueError, match="pooling: got 'max', expected one of last, mean, attention"):
        nn.Classifier(V, H, 3, pooling="max")


@backends
def test_an_autoregressive_forecast_reads_itself(backend: str) -> None:
    """As if the network were given its own forecasts as inputs, each sequence going on from its own end."""
    model, _ = built("autoregressive forecaster", backend)
    assert isinstance(model, nn.AutoregressiveForecaster)
    x = numbers(T, B, D)
    forecasts = model.forecast(x, LENGTHS, horizon=4)
    for lane, length in enumerate(LENGTHS):
        series = x[:length, lane : lane + 1]
        for k in range(4):
            following = model.forward(series)[-1:]
            np.testing.assert_allclose(forecasts[k, lane], following[0, 0], rtol=0, atol=1e-13)
            series = np.concatenate([series, following])
    np.testing.assert_allclose(model.forecast(x, horizon=4)[:, 0], forecasts[:, 0], rtol=0, atol=1e-13)
    assert model.forecast(x, horizon=0).shape == (0, B, D)


def test_a_direct_forecast() -> None:
    model, (inputs, lengths, _) = built("direct forecaster")
    assert isinstance(model, nn.DirectForecaster)
    forecast = model.forecast(inputs, lengths)
    assert forecast.shape == (5, B, D)
    np.testing.assert_array_equal(model.forecast(inputs, lengths, horizon=2), forecast[:2])
    # Row k of the output layer's weights is step k: step 3 alone changes with it.
    model.output.b.reshape(5, D)[3] += 1
    np.testing.assert_allclose(
        model.forecast(inputs, lengths) - forecast, np.eye(5)[3][:, None, None] * np.ones((5, B, D))
    )
    with pytest.raises(ValueError, match="horizon: got 6, expected 0 to 5"):
        model.forecast(inputs, lengths, horizon=6)


def test_one_step_ahead() -> None:
    series = numbers(4, 2, 1)
    inputs, lengths, targets = nn.one_step_ahead(series, [4, 2])
    np.testing.assert_array_equal(inputs, series[:3])
    np.testing.assert_array_equal(targets, series[1:])
    np.testing.assert_array_equal(lengths, [3, 1])
    assert nn.one_step_ahead(series).lengths is None
    with pytest.raises(ValueError, match=r"series: got shape \(1, 2, 1\)"):
        nn.one_step_ahead(series[:1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.AutoregressiveForecaster(D, H, bidirectional=True),
        lambda: nn.Seq2Seq(V, V, H, end=0, bidirectional=True),
    ],
)
def test_what_looks_ahead_is_refused(make: Callable[[], nn.Model]) -> None:
    with pytest.raises(ValueError, match="bidirectional: got True, expected False"):
        make()


# ------------------------------------------------------------------------------------ writing sequences


def writer(backend: str | None = None, **options: Any) -> nn.Seq2Seq:
    model = randomised(nn.Seq2Seq(V, 6, H, end=2, **options).build(dtype="float64", backend=backend))
    model.parameters *= 3  # whose logits differ from input to input
    return model


@backends
@pytest.mark.parametrize(
    ("eagerness", "options"), [(1.0, {}), (4.0, {"embedding_size": 3, "num_layers": 2, "start": 0, "cell": "gru"})]
)
def test_greedy_decoding_is_what_teacher_forcing_finds_likeliest(
    backend: str, eagerness: float, options: dict[str, Any]
) -> None:
    model = writer(backend, **options)
    model.output.b[model.end] += eagerness
    x, lengths = symbols(T, 12), np.resize(LENGTHS, 12)
    written = model.decode(x, lengths, max_length=7)
    sizes = {len(symbols) for symbols in written}
    assert min(sizes) < 7 and len(sizes) > 1  # some of them end
    targets = np.full((7, 12), -1)
    for lane, own in enumerate(written):
        assert own.dtype == np.int32 and 2 not in own
        ended = [*own, 2][:7]
        targets[: len(ended), lane] = ended
    likeliest = model.forward(x, lengths, targets).argmax(axis=2)
    np.testing.assert_array_equal(likeliest[targets >= 0], targets[targets >= 0])


def test_decoding_stops_at_the_end_symbol() -> None:
    model, x = writer(), symbols(T, B)
    model.output.W[...] = model.output.b[...] = 0
    model.output.b[2] = 1
    assert [len(own) for own in model.decode(x, LENGTHS, max_length=9)] == [0] * B
    model.output.b[2] = -1
    assert [own.tolist() for own in model.decode(x, LENGTHS, max_length=9)] == [[0] * 9] * B
    assert [len(own) for own in model.decode(x, LENGTHS, max_length=0)] == [0] * B


def test_decoding_does_not_depend_on_neighbours_or_padding() -> None:
    model, x = writer(), symbols(T, B)
    for temperature in (0.0, 0.7):
        together = model.decode(x, LENGTHS, max_length=8, temperature=temperature)
        first = model.decode(x[: LENGTHS[0], :1], max_length=8, temperature=temperature)
        np.testing.assert_array_equal(first[0], together[0])
        padded = np.concatenate([x, np.full((2, B), 3)])
        for own, expected in zip(
            model.decode(padded, LENGTHS, max_length=8, temperature=temperature), together, strict=True
        ):
            np.testing.assert_array_equal(own, expected)


def test_sampled_decoding_follows_the_probabilities() -> None:
    """With logits that do not depend on anything: symbols as often as they should, and lengths geometric."""
    model = writer()
    model.output.W[...] = 0
    probabilities = np.array([0.1, 0.25, 0.2, 0.15, 0.3, 0.0])
    with np.errstate(divide="ignore"):
        model.output.b[...] = np.log(probabilities)
    lanes = 3000
    written = model.decode(symbols(2, lanes), max_length=40, temperature=1.0, seed=5)
    everything = np.concatenate(written)
    shares = np.bincount(everything, minlength=6) / len(everything)
    np.testing.assert_allclose(shares, np.where(np.arange(6) == 2, 0, probabilities) / 0.8, atol=0.015)
    np.testing.assert_allclose(np.mean([len(own) for own in written]), 0.8 / 0.2, rtol=0.06)
    again = model.decode(symbols(2, lanes), max_length=40, temperature=1.0, seed=5)
    assert all(np.array_equal(a, b) for a, b in zip(written, again, strict=True))
    other = model.decode(symbols(2, lanes), max_length=40, temperature=1.0, seed=6)
    assert not all(np.array_equal(a, b) for a, b in zip(written, other, strict=True))
    cold = np.concatenate(model.decode(symbols(2, lanes), max_length=5, temperature=0.05, seed=5))
    assert np.mean(cold == 4) > 0.95  # the likeliest, 0.3


def test_decoding_leaves_the_mode_alone_and_needs_no_targets() -> None:
    model = writer(dropout=0.5)
    model.train()
    first = model.decode(symbols(T, B), LENGTHS, max_length=6)
    again = model.decode(symbols(T, B), LENGTHS, max_length=6)
    assert model.training and all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    with pytest.raises(ValueError, match="targets: got None"):
        model.forward(symbols(T, B))
    for options in ({"max_length": -1}, {"max_length": 1, "temperature": -0.1}):
        with pytest.raises(ValueError, match="expected 0 or more"):
            model.decode(symbols(T, B), **options)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="end: got 6, expected a symbol from 0 to 5"):
        nn.Seq2Seq(V, 6, H, end=6)
    with pytest.raises(ValueError, match="start: got -1"):
        nn.Seq2Seq(V, 6, H, end=0, start=-1)
