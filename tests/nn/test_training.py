"""Training networks: the loop, its batches, what it promises, and that something is learned."""

from __future__ import annotations

import inspect
import itertools
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from lstm_ext import nn
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import OptimizerConfig
from lstm_ext.engine.stop import StopFlag
from lstm_ext.errors import NonFiniteError

pytestmark = pytest.mark.filterwarnings("error")

backends = pytest.mark.parametrize("backend", available_backends())


def words(seed: int = 0, size: int = 8) -> Iterator[nn.Batch]:
    """Each word is tagged 1 if the word after it is larger, else 0: it takes looking ahead."""
    rng = np.random.default_rng(seed)
    while True:
        lengths = rng.integers(2, 8, size)
        inputs = rng.integers(0, 10, (7, size))
        following = np.where(np.arange(7)[:, None] < lengths - 1, np.roll(inputs, -1, axis=0), -1)
        tags = np.where(np.arange(7)[:, None] < lengths, following > inputs, -1)
        yield nn.Batch(inputs, lengths, tags)


def tagger(**options: Any) -> nn.Tagger:
    settings = {"embedding_size": 8, "bidirectional": True, "dropout": 0.1, **options}
    return nn.Tagger(10, 12, 2, **settings)


@backends
def test_the_same_seeds_give_the_same_weights(backend: str) -> None:
    def run(build_seed: int = 0, data_seed: int = 0, fit_seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        model = tagger(recurrent_dropout=0.2).build(seed=build_seed, backend=backend)
        result = nn.fit(model, words(data_seed), steps=6, seed=fit_seed)
        assert result.done == 6
        return model.parameters, result.losses

    parameters, losses = run()
    again, losses_again = run()
    np.testing.assert_array_equal(parameters, again)
    np.testing.assert_array_equal(losses, losses_again)
    for other in ((1, 0, 0), (0, 1, 0), (0, 0, 1)):
        assert (run(*other)[0] != parameters).any()


def test_training_in_pieces_is_training_at_once() -> None:
    once, pieces = (tagger(recurrent_dropout=0.2).build() for _ in range(2))
    optimizer = nn.Optimizer(once)
    losses = nn.fit(once, words(), optimizer, steps=7).losses
    batches, optimizer = words(), nn.Optimizer(pieces)
    parts = [nn.fit(pieces, batches, optimizer, steps=steps).losses for steps in (3, 0, 4)]
    np.testing.assert_array_equal(np.concatenate(parts), losses)
    np.testing.assert_array_equal(pieces.parameters, once.parameters)
    assert optimizer.steps == 7


@backends
def test_a_step_is_gradient_and_optimizer(backend: str) -> None:
    """SGD by hand, clipped by norm; the loss is that of before the update."""
    config, batch = OptimizerConfig("sgd", clip_norm=0.05), next(words())
    model, by_hand = (tagger(dropout=0.0).build(dtype="float64", backend=backend) for _ in range(2))
    result = nn.fit(model, [batch], nn.Optimizer(model, config, lr=0.3))
    loss = by_hand.loss_and_gradient(*batch)
    norm = float(np.linalg.norm(by_hand.gradient))
    assert norm > 0.05 and result.losses.tolist() == [loss]
    np.testing.assert_allclose(result.norms, [norm], rtol=1e-12)
    expected = by_hand.parameters - 0.3 * by_hand.gradient * 0.05 / norm
    np.testing.assert_allclose(model.parameters, expected, rtol=0, atol=1e-15)


def test_a_schedule_of_the_learning_rate() -> None:
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.0

    model = tagger().build()
    before = model.parameters.copy()
    nn.fit(model, words(), nn.Optimizer(model, lr=schedule), steps=3)
    assert asked == [1, 2, 3]
    np.testing.assert_array_equal(model.parameters, before)


def test_dropout_acts_in_training_only_and_anew_at_each_step() -> None:
    class Watched(nn.Tagger):
        def loss_and_gradient(self, inputs: Any, lengths: Any, targets: Any) -> float:
            assert self.training and self.reader.rnn.training
            return super().loss_and_gradient(inputs, lengths, targets)

    model = Watched(10, 12, 2, embedding_size=8, dropout=0.4).build()
    batch = next(words())
    modes, optimizer = [], nn.Optimizer(model, lr=0.0)
    result = nn.fit(model, [batch] * 5, optimizer, on_progress=lambda _: modes.append(model.training))
    assert modes == [False] * 5 and not model.training
    assert len(set(result.losses)) == 5
    # The masks belong to the step, however much is evaluated in between.
    looking = nn.fit(model, [batch] * 5, nn.Optimizer(model, lr=0.0), on_progress=lambda _: model.predict(batch.inputs))
    np.testing.assert_array_equal(looking.losses, result.losses)


def test_it_ends_when_it_should() -> None:
    model, drawn = tagger().build(), []

    def counted() -> Iterator[nn.Batch]:
        for number, batch in enumerate(words()):
            drawn.append(number)
            yield batch

    assert nn.fit(model, itertools.islice(words(), 3)).done == 3
    batches = counted()
    assert nn.fit(model, batches, steps=2).done == 2 and drawn == [0, 1]  # none is drawn and then lost
    stop, seen = StopFlag(), []

    def on_progress(progress: nn.Progress) -> None:
        seen.append(progress)
        if progress.step == 4:
            stop.set()

    result = nn.fit(model, batches, stop=stop, on_progress=on_progress)
    assert result.done == 4 and [progress.step for progress in seen] == [1, 2, 3, 4]
    np.testing.assert_array_equal([progress.loss for progress in seen], result.losses)
    np.testing.assert_array_equal([progress.norm for progress in seen], result.norms)
    assert nn.fit(model, batches, stop=stop).done == 0
    assert nn.fit(model, []).losses.shape == (0,)
    with pytest.raises(ValueError, match=r"optimizer: got one of <Tagger.*expected one of this model"):
        nn.fit(model, words(), nn.Optimizer(tagger().build()))


@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_what_is_not_finite_changes_nothing(where: str) -> None:
    class Broken(nn.Tagger):
        steps = 0

        def compare(self, inputs: Any, lengths: Any, targets: Any) -> tuple[float, np.ndarray]:
            loss, dout = super().compare(inputs, lengths, targets)
            self.steps += 1
            if self.steps == 3:
                loss, dout = (np.inf, dout) if where == "loss" else (loss, dout * np.nan)
            return loss, dout

    model = Broken(10, 12, 2).build()
    optimizer, before = nn.Optimizer(model), []
    with pytest.raises(NonFiniteError) as error:
        nn.fit(model, words(), optimizer, on_progress=lambda _: before.append(model.parameters.copy()))
    assert error.value.step == 3 and optimizer.steps == 2 and len(before) == 2
    assert np.isinf(error.value.loss) if where == "loss" else np.isfinite(error.value.loss)
    assert np.isnan(error.value.norm)
    np.testing.assert_array_equal(model.parameters, before[1])
    assert not model.training


def test_shuffled() -> None:
    batches = list(nn.shuffled(10, 4, seed=3, epochs=2))
    assert [len(batch) for batch in batches] == [4, 4, 2] * 2
    first, second = (np.concatenate(batches[n : n + 3]) for n in (0, 3))
    assert sorted(first) == sorted(second) == list(range(10)) and (first != second).any()
    assert first.tolist() != list(range(10))
    for batch, again in zip(batches, nn.shuffled(10, 4, seed=3), strict=False):
        np.testing.assert_array_equal(batch, again)
    assert len(list(itertools.islice(nn.shuffled(10, 4), 50))) == 50


def example() -> str:
    """The tagger in the package's own documentation."""
    assert nn.__doc__ is not None
    start, end = nn.__doc__.index("    class BiLSTMTagger"), nn.__doc__.index("\n\nwhere each")
    return textwrap.dedent(nn.__doc__[start:end])


@backends
def test_the_documented_example_runs_and_learns(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LSTM_LAB_BACKEND", backend)
    assert len(example().splitlines()) == 10
    scope: dict[str, Any] = {"nn": nn, "num_words": 10, "num_tags": 2, "batches": words(size=16)}
    exec(example(), scope)
    model, held_out = scope["model"], next(words(seed=99, size=300))
    tags = model.forward(held_out.inputs, held_out.lengths).argmax(axis=2)
    counted = held_out.targets >= 0
    assert np.mean((tags == held_out.targets)[counted]) > 0.9
    ready = nn.Tagger(10, 64, 2, embedding_size=32, bidirectional=True).build()
    assert ready.num_parameters == model.num_parameters


def test_every_public_class_says_what_it_is() -> None:
    for name in nn.__all__:
        assert inspect.getdoc(getattr(nn, name)), name


@backends
def test_reversal_is_learned(backend: str) -> None:
    """Sequence to sequence, from scratch to whole answers that are right, written freely."""

    def pairs(rng: np.random.Generator, size: int) -> nn.Batch:
        lengths = rng.integers(1, 4, size)
        inputs, targets = np.zeros((3, size), int), np.full((4, size), -1)
        for lane, length in enumerate(lengths):
            inputs[:length, lane] = rng.integers(1, 5, length)
            targets[: length + 1, lane] = [*inputs[:length, lane][::-1], 0]
        return nn.Batch(inputs, lengths, targets)

    rng = np.random.default_rng(1)
    model = nn.Seq2Seq(5, 5, 24, end=0, cell="gru").build(seed=1, backend=backend)
    batches = (pairs(rng, 32) for _ in itertools.count())
    nn.fit(model, batches, nn.Optimizer(model, lr=0.02), steps=250)
    inputs, lengths, _ = pairs(rng, 100)
    written = model.decode(inputs, lengths, max_length=5)
    right = [written[lane].tolist() == inputs[:n, lane][::-1].tolist() for lane, n in enumerate(lengths)]
    assert np.mean(right) > 0.9
