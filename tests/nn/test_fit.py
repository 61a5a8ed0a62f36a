"""Validation, early stopping, schedules and progress of ``fit``; predictions; parts in a row."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig, nn
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.stop import StopFlag

pytestmark = pytest.mark.filterwarnings("error")

T, B, D, H, V = 6, 4, 3, 5, 6
LENGTHS = np.array([6, 1, 3, 5])
SGD = OptimizerConfig("sgd", clip_norm=0.0)
backends = pytest.mark.parametrize("backend", available_backends())


def symbols(seed: int, *shape: int, high: int = V) -> np.ndarray:
    return np.random.default_rng([6, seed]).integers(0, high, shape)


def numbers(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng([7, seed]).normal(size=shape)


def tags(seed: int, lengths: np.ndarray = LENGTHS) -> nn.Batch:
    counted = np.arange(T)[:, None] < lengths
    return nn.Batch(
        symbols(seed, T, len(lengths)), lengths, np.where(counted, symbols(-seed % 97, T, len(lengths)), -1)
    )


def tagger() -> nn.Tagger:
    return nn.Tagger(V, H, V).build(seed=1, dtype="float64")


def language_model() -> LanguageModel:
    return LanguageModel(ModelConfig(V, H, V, dtype="float64"), seed=1)


# ------------------------------------------------------------------------------------------- validation


def test_the_validation_loss_is_the_mean_over_all_targets_that_count() -> None:
    model = tagger()
    several = [tags(1), tags(2, np.array([2, 2])), tags(3, np.array([0]))]
    result = nn.fit(model, [tags(n) for n in range(7)], validation=several, eval_every=3)
    assert result.val_steps.tolist() == [3, 6, 7] and result.ended == "finished"
    nats = []
    for inputs, lengths, targets in several:
        log_p = np.log(model.predict_proba(inputs))
        nats += [-log_p[t, b, targets[t, b]] for t, b in zip(*np.nonzero(targets >= 0), strict=True)]
        assert lengths is not None and len(nats) > 0
    assert result.val_losses[-1] == pytest.approx(np.mean(nats), rel=1e-12)
    assert result.best_loss == result.val_losses.min() and result.best_step in (3, 6, 7)


@pytest.mark.parametrize("kind", ["regressor", "autoregressive", "language model"])
def test_what_counts_in_other_losses(kind: str) -> None:
    """Two batches, and one that holds both."""
    short = np.array([2, 4])
    model: nn.Model
    if kind == "regressor":
        model = nn.Regressor(D, H, 2).build(dtype="float64")
        parts = [nn.Batch(numbers(n, T, len(ls)), ls, numbers(9, len(ls), 2)) for n, ls in enumerate([LENGTHS, short])]
        parts = [part._replace(inputs=numbers(n, T, len(part.targets), D)) for n, part in enumerate(parts)]
    elif kind == "autoregressive":
        model = nn.AutoregressiveForecaster(D, H).build(dtype="float64")
        parts = [nn.one_step_ahead(numbers(n, T + 1, len(ls), D), ls) for n, ls in enumerate([LENGTHS, short])]
    else:
        model = language_model()
        parts = [tags(1), nn.Batch(symbols(2, T, 2), short, symbols(3, T, 2))]
    axis = 0 if kind == "regressor" else 1
    together = nn.Batch(
        np.concatenate([part.inputs for part in parts], axis=1),
        np.concatenate([part.lengths for part in parts if part.lengths is not None]),
        np.concatenate([part.targets for part in parts], axis=axis),
    )
    frozen = nn.Optimizer(model, lr=0.0)
    losses = [nn.fit(model, [parts[0]], frozen, validation=v).best_loss for v in (parts, tuple(parts), together)]
    assert losses == pytest.approx([model.loss(*together)] * 3, rel=1e-12)


def test_patience_and_the_best_weights() -> None:
    """Learning rates that make the loss fall, and then rise."""
    batch = tags(1)

    def rate(step: int) -> float:
        return 0.05 if step <= 6 else -0.05

    seen: list[tuple[nn.Progress, np.ndarray]] = []
    model = tagger()
    result = nn.fit(
        model,
        [batch] * 50,
        nn.Optimizer(model, SGD, lr=rate),
        validation=batch,
        eval_every=2,
        patience=3,
        keep_best=True,
        on_progress=lambda report: seen.append((report, model.parameters.copy())),
    )
    assert result.val_steps.tolist() == [2, 4, 6, 8, 10, 12] and result.ended == "patience" and result.done == 12
    assert result.best_step == 6
    np.testing.assert_array_equal(model.parameters, seen[5][1])
    assert model.loss(*batch) == result.best_loss == seen[5][0].val_loss
    assert [report.val_loss is not None for report, _ in seen] == [False, True] * 6
    assert [report.lr for report, _ in seen] == [0.05] * 6 + [-0.05] * 6
    assert seen[0][0].best_loss is None and seen[-1][0].best_loss == result.best_loss
    last = tagger()
    again = nn.fit(last, [batch] * 50, nn.Optimizer(last, SGD, lr=rate), validation=batch, eval_every=2, patience=3)
    np.testing.assert_array_equal(again.val_losses, result.val_losses)
    np.testing.assert_array_equal(last.parameters, seen[11][1])
    assert repr(result).startswith("<FitResult: 12 steps, loss 1.") and repr(result).endswith("at step 6, patience>")


@pytest.mark.parametrize("make", [tagger, language_model])
def test_a_schedule_and_its_continuation(make: Callable[[], nn.Model]) -> None:
    model = make()
    start, rates = copy.deepcopy(model), []
    optimizer = nn.Optimizer(model, SGD, lr=0.4)
    batches = [tags(n) for n in range(8)]
    whole = nn.fit(
        model, batches, optimizer, steps=8, schedule="cosine", on_progress=lambda report: rates.append(report.lr)
    )
    np.testing.assert_allclose(rates, [0.2 * (1 + math.cos(math.pi * n / 8)) for n in range(8)])
    # By hand, one step after the other.
    by_hand = copy.deepcopy(start)
    for n, batch in enumerate(batches):
        by_hand.loss_and_gradient(*batch)
        by_hand.parameters -= 0.4 * nn.schedule.factor("cosine", n / 8) * by_hand.gradient  # type: ignore[attr-defined]
    np.testing.assert_allclose(model.parameters, by_hand.parameters, rtol=0, atol=1e-14)
    # Stopped on the way, and continued.
    optimizer, stop = nn.Optimizer(start, SGD, lr=0.4), StopFlag()
    first = nn.fit(
        start,
        batches,
        optimizer,
        steps=8,
        schedule="cosine",
        stop=stop,
        on_progress=lambda report: stop.set() if report.step == 3 else None,
    )
    second = nn.fit(start, batches[3:], optimizer, steps=5, schedule="cosine")
    assert (first.ended, second.ended) == ("stopped", "finished")
    np.testing.assert_array_equal(np.concatenate([first.losses, second.losses]), whole.losses)
    np.testing.assert_array_equal(start.parameters, model.parameters)


def test_a_line_about_it_only_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    model = tagger()
    nn.fit(model, [tags(1)] * 4, validation=tags(2), eval_every=2)
    assert capsys.readouterr() == ("", "")
    result = nn.fit(model, [tags(1)] * 4, steps=4, validation=tags(2), eval_every=2, progress=True)
    out, err = capsys.readouterr()
    lines = err.splitlines()
    assert out == "" and lines[0] == f"step 1 of 4, loss {result.losses[0]:.4f}"
    assert lines[-1].startswith(
        f"step 4 of 4, loss {result.losses[-1]:.4f}, validation {result.val_losses[-1]:.4f}, best"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"schedule": "cosinus", "steps": 3}, "schedule: got 'cosinus', did you mean 'cosine'?"),
        ({"schedule": "linear"}, "steps: got None, expected a number: schedule 'linear' has to know the end"),
        ({"patience": 3}, "validation: got None, expected batches"),
        ({"keep_best": True}, "validation: got None, expected batches"),
        ({"validation": [], "keep_best": True}, "validation: got no batches"),
        ({"eval_every": 0}, "eval_every: got 0, expected an integer of at least 1"),
    ],
)
def test_what_fit_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        nn.fit(tagger(), [tags(1)], **options)


# ------------------------------------------------------------------------------------------ predictions


@pytest.mark.parametrize("make", [tagger, language_model])
def test_probabilities_and_predictions_of_steps(make: Callable[[], nn.Model]) -> None:
    model = make()
    model.train()
    inputs, lengths, _ = tags(4)
    counted = np.arange(T)[:, None] < LENGTHS
    probabilities, labels = model.predict_proba(inputs, lengths), model.predict(inputs, lengths)
    assert model.training and probabilities.dtype == np.float64
    model.eval()
    exponentials = np.exp(model.forward(inputs, lengths))
    expected = exponentials / exponentials.sum(axis=2, keepdims=True)
    np.testing.assert_allclose(probabilities[counted], expected[counted], rtol=1e-12)
    assert not probabilities[~counted].any() and (labels[~counted] == -1).all()
    np.testing.assert_array_equal(labels[counted], expected.argmax(axis=2)[counted])
    assert (model.predict(inputs) >= 0).all()
    np.testing.assert_allclose(model.predict_proba(inputs).sum(axis=2), 1)


def test_probabilities_of_sequences_and_of_numbers() -> None:
    classifier = nn.Classifier(V, H, 3, dropout=0.5).build()
    classifier.train()
    probabilities = classifier.predict_proba(symbols(1, T, B), LENGTHS)
    assert probabilities.shape == (B, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(classifier.predict(symbols(1, T, B), LENGTHS), probabilities.argmax(axis=1))
    with pytest.raises(ValueError, match="predict_proba: Regressor predicts numbers, expected a network of classes"):
        nn.Regressor(D, H).build().predict_proba(numbers(1, T, B, D))


# --------------------------------------------------------------------------------------- parts in a row


@backends
def test_gradients_of_parts_in_a_row(backend: str) -> None:
    model = nn.Sequential(
        nn.Linear(D, H),
        nn.Tanh(),
        nn.Recurrent("gru", H, H, bidirectional=True),
        nn.Attention(2 * H),
        nn.Linear(2 * H, 7),
        nn.ReLU(),
        nn.Sequential(nn.LayerNorm(7), nn.Linear(7, 2)),
        loss="mean_squared_error",
    ).build(dtype="float64", backend=backend)
    model.parameters[...] = numbers(3, model.parameters.size)
    batch = nn.Batch(numbers(1, T, B, D), LENGTHS, numbers(2, B, 2))
    errors = nn.gradient_errors(model, batch)
    assert set(errors) == {*model.weights(), "inputs"} and max(errors.values()) < 1e-6, errors
    assert "layers.6.layers.0.gain" in errors
    padded = np.concatenate([batch.inputs, np.full((2, B, D), 1e3)])
    np.testing.assert_allclose(model.forward(padded, LENGTHS), model.forward(batch.inputs, LENGTHS), atol=1e-13)


def test_functions_of_single_numbers() -> None:
    x = np.array([[-2.0, 0.0, 0.5]])
    np.testing.assert_array_equal(nn.ReLU().forward(x), [[0, 0, 0.5]])
    np.testing.assert_array_equal(nn.Tanh().forward(x), np.tanh(x))
    relu = nn.ReLU()
    relu.forward(x)
    np.testing.assert_array_equal(relu.backward(np.full((1, 3), 7.0)), [[0, 0, 7]])


def test_parts_in_a_row_learn_and_are_classes() -> None:
    """Whether a sequence holds symbol 0."""

    def batch(seed: int, size: int = 32) -> nn.Batch:
        inputs, lengths = symbols(seed, T, size), np.random.default_rng(seed).integers(1, T + 1, size)
        return nn.Batch(inputs, lengths, ((inputs == 0) & (np.arange(T)[:, None] < lengths)).any(axis=0).astype(int))

    model = nn.Sequential(nn.Embedding(V, 8), nn.Recurrent("gru", 8, 16), nn.Last(), nn.Linear(16, 2)).build(seed=1)
    nn.fit(model, (batch(n) for n in range(150)), nn.Optimizer(model, lr=0.02))
    asked = batch(10**6, 300)
    assert np.mean(model.predict(asked.inputs, asked.lengths) == asked.targets) > 0.95


def test_parts_in_a_row_are_saved(tmp_path: Any) -> None:
    path = tmp_path / "network.safetensors"
    model = nn.Sequential(
        nn.Embedding(V, 3), nn.Recurrent("gru", 3, 4, num_layers=2), nn.Dropout(0.2), nn.Tanh(), nn.Linear(4, V)
    ).build(seed=2)
    optimizer = nn.Optimizer(model, lr=0.1)
    nn.fit(model, [tags(n) for n in range(3)], optimizer)
    nn.save(path, model, optimizer)
    expected = nn.fit(model, [tags(n) for n in range(3, 6)], optimizer)
    again = nn.load(path)
    result = nn.fit(again, [tags(n) for n in range(3, 6)], nn.load_optimizer(path, again))
    np.testing.assert_array_equal(result.losses, expected.losses)
    np.testing.assert_array_equal(again.parameters, model.parameters)
    assert repr(again) == repr(model) and again.weights().keys() == model.weights().keys()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: nn.Sequential(), "Sequential: parts: got none"),
        (lambda: nn.Sequential(nn.Tanh(), 3), "Sequential: parts: got 3, expected parts of networks"),
        (
            lambda: nn.Sequential(nn.Tanh(), loss="mse"),
            "Sequential: loss: got 'mse', expected one of cross_entropy, mean",
        ),
        (lambda: nn.Sequential(part := nn.Tanh(), part).build(), "build: Sequential holds the same part twice"),
    ],
)
def test_rows_that_are_refused(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
