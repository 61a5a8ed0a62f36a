"""What ``verify`` compares: random networks, and every array that an engine computes of one.

A case holds arguments; ``results`` runs an engine on them and names the arrays that it returns. The names
are those of the public functions (dW, dh0, …); a name may continue after a space ("dW 1", of layer 1).

Weights have the size of reasonable networks, with pre-activations of about 1, because a comparison says
something only if the problem is well conditioned: a tanh RNN with large weights doubles a rounding error at
every step, and the two best implementations of it disagree after fifty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from ..cells.activations import Activations
from ..cells.config import LayerConfig, Weights
from ..engine.config import DtypeName, ModelConfig, OptimizerConfig
from ..engine.interface import Engine, EngineModule, Training
from ..nn.numerics import numerical_gradient

Results = dict[str, np.ndarray]
#: What seeds a random case: anything that ``numpy.random.default_rng`` takes.
Seed = int | Sequence[int]


class Case(Protocol):
    """Something that an engine can compute."""

    def results(self, engine: EngineModule) -> Results:
        """Every array that the engine returns, by name."""
        ...


class GradientCase(Case, Protocol):
    """A case with a loss, whose gradients can also be found by moving the arguments."""

    def gradients(self, engine: EngineModule, entries: int) -> tuple[Results, Results]:
        """Up to ``entries`` entries of each gradient, of the engine and by central differences."""
        ...


def stacked(draws: Sequence[Results]) -> Results:
    """The results of several draws of one random case as one. A single number may be near 0 by cancellation, where
    its relative error means nothing; sixteen of them are not."""
    return {name: np.concatenate([np.atleast_1d(draw[name]).reshape(-1) for draw in draws]) for name in draws[0]}


# ------------------------------------------------------------------------------------------ layers


@dataclass(frozen=True)
class LayerCase:
    """One layer's arguments, and a loss L = Σ dh·h + Σ dfinal·final state. Shapes as in ``EngineModule``."""

    config: LayerConfig
    weights: Weights
    x: np.ndarray
    state: np.ndarray
    lengths: np.ndarray | None
    dh: np.ndarray
    dfinal: np.ndarray
    recurrent_mask: np.ndarray | None = None

    def results(self, engine: EngineModule) -> Results:
        """Every array that the engine returns, by name."""
        acts = self._forward(engine)
        out = {"h": acts.h, "c": acts.c, "gates": acts.gates, "extra": acts.extra, **self._backward(engine, acts)}
        return {name: array for name, array in out.items() if array is not None}

    def gradients(self, engine: EngineModule, entries: int) -> tuple[Results, Results]:
        """Up to ``entries`` entries of each gradient, of the engine and by central differences."""
        moved = {**_by_state(self.state), "dW": self.weights.Wt, "db": self.weights.b}
        if self.x.ndim == 3:
            moved["dx"] = self.x
        if self.weights.peephole is not None:
            moved["dp"] = self.weights.peephole

        def loss() -> float:
            acts = self._forward(engine)
            return float(np.sum(self.dh * acts.output) + np.sum(self.dfinal * acts.final_state))

        return _differences(loss, moved, self._backward(engine, self._forward(engine)), entries)

    def _forward(self, engine: EngineModule) -> Activations:
        return engine.layer_forward(self.config, self.weights, self.x, self.state, self.lengths, self.recurrent_mask)

    def _backward(self, engine: EngineModule, acts: Activations) -> Results:
        grads = engine.layer_backward(self.weights, acts, self.dh, self.dfinal)
        named = {"dx": grads.dx, **_by_state(grads.dstate), "dW": grads.dWt, "db": grads.db, "dp": grads.dpeephole}
        return {name: array for name, array in named.items() if array is not None}


def _by_state(gradients: np.ndarray) -> Results:
    """Gradients (S, B, H) of the initial states: dh0 and, for an LSTM, dc0."""
    return dict(zip(("dh0", "dc0"), gradients, strict=False))


def random_layer(
    config: LayerConfig,
    steps: int,
    batch: int,
    *,
    symbols: bool = False,
    lengths: Sequence[int] | None = None,
    masked: bool = False,
    dtype: DtypeName = "float64",
    seed: Seed = 0,
) -> LayerCase:
    """A layer with everything random, states too; the same values in either dtype. ``masked``: a recurrent mask."""
    random = np.random.default_rng(seed)
    H, D = config.hidden_size, config.input_size

    def normal(*shape: int, scale: float = 1.0) -> np.ndarray:
        return random.normal(scale=scale, size=shape).astype(dtype)

    Wt = _weights(random, config, symbols).astype(dtype)
    b = normal(*config.parameter_shapes()["b"], scale=0.5)
    weights = Weights(Wt, b, normal(3, H, scale=0.5) if config.peephole else None)
    x = random.integers(0, D, (steps, batch)).astype(np.int32) if symbols else normal(steps, batch, D)
    scales = (0.6, 1.0)[: config.state_arrays]  # of h and c
    return LayerCase(
        config,
        weights,
        x,
        state=np.stack([normal(batch, H, scale=scale) for scale in scales]),
        lengths=None if lengths is None else np.array(lengths, np.int32),
        dh=normal(steps, batch, H),
        dfinal=np.stack([normal(batch, H) for _ in scales]),
        recurrent_mask=((random.random((batch, H)) < 0.7) / 0.7).astype(dtype) if masked else None,
    )


def _weights(random: np.random.Generator, config: LayerConfig, symbols: bool) -> np.ndarray:
    """Wt (H+D, G·H) that makes pre-activations of about 1 from inputs of about 1."""
    H, D = config.hidden_size, config.input_size
    meets_h = config.recurrent_rows
    scale = np.repeat([0.8 / math.sqrt(H), 0.8 / (1 if symbols else math.sqrt(D))], [meets_h, D])
    weights: np.ndarray = random.normal(size=(meets_h + D, config.blocks * H)) * scale[:, None]
    return weights


# ------------------------------------------------------------------------------------------ models


@dataclass(frozen=True)
class ModelCase:
    """A whole model and one batch, some targets of which may be −1; a loss of cross-entropy + Σ dstate·final state."""

    config: ModelConfig
    parameters: np.ndarray
    inputs: np.ndarray
    targets: np.ndarray
    state: np.ndarray
    dstate: np.ndarray
    dropout_key: int | None
    threads: int
    eps: float = 1e-3  # of central differences

    def results(self, engine: EngineModule) -> Results:
        """Every array that the engine returns, by name."""
        state = self.state.copy()
        model, gradient = _engine(engine, self.config, self.parameters, self.threads)
        loss = model.forward(self.inputs, self.targets, state, dropout_key=self.dropout_key)
        out = {"loss": np.array(loss), "logits": model.logits(), "state": state}
        for k in range(self.config.num_layers):
            acts = model.activations(k)
            for name in ("gates", "h", "c", "extra"):
                array = getattr(acts, name)
                if array is not None:
                    out[f"gates {k} {name}"] = array
        out["dstate"] = model.backward(self.dstate)
        return out | parameter_gradients(self.config, gradient)

    def gradients(self, engine: EngineModule, entries: int) -> tuple[Results, Results]:
        """Up to ``entries`` entries of each gradient, of the engine and by central differences."""
        parameters, state = self.parameters.copy(), self.state.copy()
        model, gradient = _engine(engine, self.config, parameters, self.threads)

        def loss() -> float:
            final = state.copy()
            nats = model.forward(self.inputs, self.targets, final, dropout_key=self.dropout_key)
            return nats + float(np.sum(self.dstate * final))

        loss()
        grads = {"dstate": model.backward(self.dstate)} | parameter_gradients(self.config, gradient.copy())
        moved = {"dstate": state} | parameter_gradients(self.config, parameters)
        return _differences(loss, moved, grads, entries, self.eps)


def random_model(
    config: ModelConfig,
    steps: int,
    batch: int,
    *,
    threads: int = 1,
    counted: float = 0.9,
    huge_logits: bool = False,
    seed: Seed = 0,
) -> ModelCase:
    """A model with everything random; a share of ``counted`` targets (at least one) is not −1.

    ``huge_logits``: output biases from −1e4 to 1e4, which swamp the rest and overflow any e^y.
    """
    random = np.random.default_rng(seed)
    parameters = np.empty(config.num_parameters)
    views = parameter_views(config, parameters)
    for k, layer in enumerate(config.layers()):
        views[f"layers.{k}.Wt"][...] = _weights(random, layer, symbols=k == 0)
    for name, view in views.items():
        if not name.endswith(".Wt"):
            scale = 1.5 / math.sqrt(config.hidden_size) if name == "output.W" else 0.5
            view[...] = random.normal(scale=scale, size=view.shape)
    if huge_logits:
        views["output.b"][...] = np.linspace(-1e4, 1e4, config.output_size)
    inputs, targets = random_batches(config, 1, steps, batch, counted=counted, random=random)
    shape = config.state_shape(batch)
    return ModelCase(
        config,
        parameters.astype(config.dtype),
        inputs[0],
        targets[0],
        state=random.normal(scale=0.6, size=shape).astype(config.dtype),
        dstate=random.normal(size=shape).astype(config.dtype),
        dropout_key=int(random.integers(2**63)) if config.dropout else None,
        threads=threads,
        # The rounding of a loss of 1e4 weighs more than what curvature is left there.
        eps=3e-3 if huge_logits else 1e-3,
    )


def random_batches(
    config: ModelConfig, count: int, steps: int, batch: int, *, counted: float, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets (count, steps, batch), each batch with at least one target that counts."""
    shape = (count, steps, batch)
    targets = random.integers(0, config.output_size, shape).astype(np.int32)
    skipped = random.random(shape) >= counted
    skipped[:, -1, 0] = False
    targets[skipped] = -1
    return random.integers(0, config.input_size, shape).astype(np.int32), targets


def parameter_views(config: ModelConfig, flat: np.ndarray) -> Results:
    """The named parts of a model's flat array (P,), as views."""
    views, start = {}, 0
    for name, shape in config.parameter_shapes().items():
        stop = start + math.prod(shape)
        views[name] = flat[start:stop].reshape(shape)
        start = stop
    return views


def parameter_gradients(config: ModelConfig, flat: np.ndarray) -> Results:
    """Views of a flat gradient (P,): "dW 0", "db 0", "dp 0", …, "dWy", "dby"."""
    short = {"Wt": "dW", "b": "db", "peephole": "dp"}
    named = {}
    for name, view in parameter_views(config, flat).items():
        owner, part = name.rsplit(".", 1)
        named[f"d{part}y" if owner == "output" else f"{short[part]} {owner.split('.')[1]}"] = view
    return named


def _engine(
    engine: EngineModule, config: ModelConfig, parameters: np.ndarray, threads: int
) -> tuple[Engine, np.ndarray]:
    """An engine and its gradient, which is full of NaN, so that an entry that it leaves out shows."""
    gradient = np.full_like(parameters, np.nan)
    return engine.Engine(config, parameters, gradient, threads=threads), gradient


def _differences(
    loss: Callable[[], float], moved: Results, grads: Results, entries: int, eps: float = 1e-3
) -> tuple[Results, Results]:
    """Some entries of each gradient, as given and by central differences; which ones is random but repeatable.

    (4·D(ε) − D(2ε)) / 3 cancels what the third derivative does to the differences D (Richardson), so that
    ε can be large, and rounding matters less.
    """
    random = np.random.default_rng(0)
    given, numerical = {}, {}
    for name, array in moved.items():
        some = random.permutation(array.size)[:entries]
        fine, coarse = (numerical_gradient(loss, array, step, some) for step in (eps, 2 * eps))
        given[name] = grads[name].reshape(-1)[some]
        numerical[name] = (4 * fine - coarse) / 3
    return given, numerical


# ---------------------------------------------------------------------- training, updates, sampling


@dataclass(frozen=True)
class TrainingCase:
    """Some steps of ``Engine.train``, state and moments carried from one to the next."""

    model: ModelCase
    optimizer: OptimizerConfig
    inputs: np.ndarray  # (N, T, B)
    targets: np.ndarray
    lrs: np.ndarray
    moments: np.ndarray
    first_step: int
    dropout_seed: int

    def results(self, engine: EngineModule) -> Results:
        """Every array that the engine returns, by name."""
        parameters, state, moments = self.model.parameters.copy(), self.model.state.copy(), self.moments.copy()
        model, _ = _engine(engine, self.model.config, parameters, self.model.threads)
        result = model.train(
            self.inputs,
            self.targets,
            state,
            Training(self.optimizer, moments, self.first_step, self.lrs, self.dropout_seed),
        )
        return {
            "losses": result.losses,
            "norms": result.norms,
            "parameters": parameters,
            "m": moments[0],
            "s": moments[1],
            "state": state,
        }


def random_training(
    config: ModelConfig,
    optimizer: OptimizerConfig,
    steps: int,
    batch: int,
    *,
    updates: int = 4,
    threads: int = 1,
    seed: Seed = 0,
) -> TrainingCase:
    """A run of ``updates`` steps that begins in the middle: moments are not 0, the first step is not 1."""
    random = np.random.default_rng(seed)
    model = random_model(config, steps, batch, threads=threads, seed=seed)
    inputs, targets = random_batches(config, updates, steps, batch, counted=0.9, random=random)
    return TrainingCase(
        model,
        optimizer,
        inputs,
        targets,
        lrs=random.uniform(0.005, 0.02, updates),
        moments=_random_moments(random, config.num_parameters, config.dtype),
        first_step=int(random.integers(1, 50)),
        dropout_seed=int(random.integers(2**63)),
    )


def _random_moments(random: np.random.Generator, count: int, dtype: DtypeName) -> np.ndarray:
    """(2, P): m of either sign, s well above 0, where dividing by its root does not blow up rounding errors."""
    return np.stack([random.normal(scale=0.1, size=count), random.uniform(0.01, 0.1, count)]).astype(dtype)


@dataclass(frozen=True)
class UpdateCase:
    """Some optimizer steps with given gradients."""

    config: ModelConfig
    optimizer: OptimizerConfig
    parameters: np.ndarray
    gradients: np.ndarray  # (N, P)
    lrs: np.ndarray

    def results(self, engine: EngineModule) -> Results:
        """Every array that the engine returns, by name."""
        results: Results = {}
        for way in ("update", "optimizer_step"):
            parameters, moments = self.parameters.copy(), np.zeros((2, self.parameters.size), self.config.dtype)
            model, gradient = _engine(engine, self.config, parameters, threads=2)
            norms = []
            for step, lr in enumerate(self.lrs.tolist(), start=1):
                gradient[...] = self.gradients[step - 1]
                if way == "update":
                    norms.append(model.update(self.optimizer, moments, step, lr))
                else:
                    norms.append(engine.optimizer_step(parameters, gradient, moments, self.optimizer, step, lr))
            named = {"norms": np.array(norms), "parameters": parameters, "m": moments[0], "s": moments[1]}
            results |= {f"{name} by {way}": array for name, array in named.items()}
        return results


def random_update(optimizer: OptimizerConfig, *, dtype: DtypeName = "float64", seed: Seed = 0) -> UpdateCase:
    """Four steps of a model with 229 parameters, which are no whole number of vectors."""
    config = ModelConfig(7, 4, 9, dtype=dtype)
    random = np.random.default_rng(seed)
    count, steps = config.num_parameters, 4
    return UpdateCase(
        config,
        optimizer,
        random.normal(size=count).astype(dtype),
        random.normal(size=(steps, count)).astype(dtype),
        random.uniform(0.01, 0.1, steps),
    )


@dataclass(frozen=True)
class SamplingCase:
    """A text drawn from a model."""

    model: ModelCase
    options: dict[str, Any]
    length: int
    seed: int

    def results(self, engine: EngineModule) -> Results:
        """Every array that the engine returns, by name."""
        state = self.model.state.copy()
        model, _ = _engine(engine, self.model.config, self.model.parameters, threads=1)
        drawn = model.sample(state, int(self.model.inputs[0, 0]), self.length, seed=self.seed, offset=3, **self.options)
        return {"symbols": drawn, "state": state}


def random_sampling(config: ModelConfig, options: dict[str, Any], *, length: int = 40, seed: Seed = 0) -> SamplingCase:
    """A text of ``length`` symbols from a random model.

    In float32 the engines' logits differ in the last digits, and now and then a draw would fall
    just between. There the model is an RNN whose units are all saturated, and whose output weights
    are eighths: its logits, ties among them, are the same in every engine to the last bit.
    """
    model = random_model(config, 1, 1, seed=seed)
    random = np.random.default_rng(seed)
    if config.dtype == "float32":
        assert (config.cell, config.num_layers) == ("rnn", 1)
        views = parameter_views(config, model.parameters.copy())
        views["layers.0.Wt"][...] = np.where(random.random(views["layers.0.Wt"].shape) < 0.5, -32, 32)
        views["layers.0.Wt"][: config.hidden_size] = 0
        for name in ("output.W", "output.b"):
            views[name][...] = random.integers(-8, 9, views[name].shape) / 8
        model = replace(model, parameters=np.concatenate([view.reshape(-1) for view in views.values()]))
    return SamplingCase(model, options, length, seed=int(random.integers(2**63)))
