"""Random networks for ``lstm_ext.verify``: all that an engine makes of them, and their gradients by differences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.batch import Batch
from ..engine.config import DtypeName
from ..engine.interface import EngineModule
from ..nn.forecasting import AutoregressiveForecaster, DirectForecaster, one_step_ahead
from ..nn.gradcheck import batch_gradient, batch_loss
from ..nn.model import Model
from ..nn.models import Classifier, Regressor, Tagger
from ..nn.numerics import numerical_gradient
from ..nn.seq2seq import Seq2Seq

#: Steps, sequences, their lengths, hidden units, symbols and numbers that come in, and what goes out.
_STEPS, _BATCH, _HIDDEN, _INPUTS, _OUTPUTS = 6, 5, 7, 5, 4
_LENGTHS = np.array([6, 1, 0, 4, 5], np.int32)
_KEY = 3


@dataclass(frozen=True)
class NetworkCase:
    """A network with every weight random, in training, with the same masks each time."""

    make: Callable[[], Model]
    batch: Batch
    dtype: DtypeName
    seed: tuple[int, ...]

    def results(self, engine: EngineModule) -> dict[str, np.ndarray]:
        """The loss (1,), and the gradient of each weight, and of inputs that are numbers, in their shapes."""
        model = self._model(engine)
        return {"loss": np.array(batch_loss(model, self.batch, _KEY)()), **self._given(model, self.batch)}

    def gradients(self, engine: EngineModule, entries: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Up to ``entries`` entries of each gradient, (n,), as given and by central differences."""
        model, batch = self._model(engine), self.batch._replace(inputs=self.batch.inputs.copy())
        loss, given, numerical = batch_loss(model, batch, _KEY), self._given(model, batch), {}
        moved = {_gradient_name(name): view for name, view in model.weights().items()} | {"dx": batch.inputs}
        random = np.random.default_rng(self.seed)
        for name, gradient in given.items():
            some = random.permutation(gradient.size)[:entries]
            given[name], numerical[name] = gradient.flat[some], numerical_gradient(loss, moved[name], entries=some)
        return given, numerical

    def _model(self, engine: EngineModule) -> Model:
        model = self.make().build(dtype=self.dtype, backend="numpy")
        model.parameters[...] = np.random.default_rng(self.seed).normal(scale=0.4, size=model.parameters.shape)
        model.use(engine)
        model.train()
        return model

    def _given(self, model: Model, batch: Batch) -> dict[str, np.ndarray]:
        dinputs = batch_gradient(model, batch, _KEY)
        given = {_gradient_name(name): gradient.copy() for name, gradient in model.gradients().items()}
        return given if dinputs is None else given | {"dx": dinputs}


def _gradient_name(name: str) -> str:
    """ "reader.rnn.layers.0.W" → "dW reader.rnn.layers.0": before the space, what is reported together."""
    owner, _, weight = name.rpartition(".")
    return f"d{'p' if weight == 'peephole' else weight} {owner}"


def verification_cases(seed: Sequence[int] = (0,)) -> dict[str, Callable[[DtypeName, int], NetworkCase]]:
    """By name, functions of a dtype and the number of a draw; each draw has other weights and data."""
    every: dict[str, Any] = {
        "num_layers": 2,
        "bidirectional": True,
        "dropout": 0.3,
        "recurrent_dropout": 0.2,
        "layer_norm": True,
    }
    V, D, H, K = _INPUTS, _INPUTS, _HIDDEN, _OUTPUTS
    networks: dict[str, tuple[Callable[[], Model], Callable[[np.random.Generator], Batch]]] = {
        "classifier, last": (lambda: Classifier(V, H, K, cell="gru", bidirectional=True), _classes),
        "classifier, mean": (lambda: Classifier(V, H, K, cell="rnn", pooling="mean", dropout=0.2), _classes),
        "classifier, attention": (
            lambda: Classifier(V, H, K, pooling="attention", embedding_size=3, peephole=True, **every),
            _classes,
        ),
        "tagger": (lambda: Tagger(V, H, K, embedding_size=3, coupled=True, **every), _tags),
        "tagger, recurrent dropout": (
            lambda: Tagger(D, H, K, cell="gru", reset_after=True, recurrent_dropout=0.4, num_layers=2),
            lambda random: _tags(random)._replace(inputs=_numbers(random)),
        ),
        "regressor": (
            lambda: Regressor(D, H, K, cell="gru", recurrent_dropout=0.4),
            lambda random: Batch(_numbers(random), _LENGTHS, random.normal(size=(_BATCH, K))),
        ),
        "forecaster, direct": (
            lambda: DirectForecaster(D, H, 3, cell="rnn", recurrent_dropout=0.4, bidirectional=True),
            lambda random: Batch(_numbers(random), _LENGTHS, random.normal(size=(3, _BATCH, D))),
        ),
        "forecaster, autoregressive": (
            lambda: AutoregressiveForecaster(D, H, dropout=0.2, num_layers=2),
            lambda random: one_step_ahead(_numbers(random), _LENGTHS),
        ),
        "sequence to sequence": (
            lambda: Seq2Seq(V, K, H, end=2, embedding_size=3, num_layers=2, dropout=0.2, recurrent_dropout=0.2),
            lambda random: _tags(random)._replace(inputs=_symbols(random, V)),
        ),
    }

    def case(number: int, name: str) -> Callable[[DtypeName, int], NetworkCase]:
        make, draw_batch = networks[name]

        def make_case(dtype: DtypeName, draw: int) -> NetworkCase:
            own = (*seed, number, draw)
            return NetworkCase(make, draw_batch(np.random.default_rng(own)), dtype, own)

        return make_case

    return {name: case(number, name) for number, name in enumerate(networks)}


def _symbols(random: np.random.Generator, size: int) -> np.ndarray:
    return random.integers(0, size, (_STEPS, _BATCH)).astype(np.int32)


def _numbers(random: np.random.Generator) -> np.ndarray:
    return random.normal(size=(_STEPS, _BATCH, _INPUTS))


def _classes(random: np.random.Generator) -> Batch:
    return Batch(_symbols(random, _INPUTS), _LENGTHS, random.integers(0, _OUTPUTS, _BATCH))


def _tags(random: np.random.Generator) -> Batch:
    tags = np.where(np.arange(_STEPS)[:, None] < _LENGTHS, _symbols(random, _OUTPUTS), -1)
    return Batch(_symbols(random, _INPUTS), _LENGTHS, tags)
