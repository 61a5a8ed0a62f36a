"""The cases of ``verify`` by the textbook's equations: ``Cell.step``, one sequence and one step at a time.

Two engines that are wrong in the same way agree with each other and with their own differences, and PyTorch has
few of the cells. This knows nothing of batches, gathers or gradients, and shares no code with an engine, except
for the random numbers of dropout. It is slow, and in float64 whatever the dtype of the case.
"""

from __future__ import annotations

import math

import numpy as np

from ..cells import CELLS
from ..cells.config import LayerConfig, Weights
from ..engine import rng
from ..engine.config import ModelConfig
from .cases import LayerCase, ModelCase, Results, parameter_views


def layer(
    config: LayerConfig,
    weights: Weights,
    x: np.ndarray,
    state: np.ndarray,
    lengths: np.ndarray | None = None,
    recurrent_mask: np.ndarray | None = None,
) -> Results:
    """The states after each step by name (T, B, H), ``gates`` (T, B, G, H) and, of a cell that has it, ``extra``.

    Arguments are those of ``EngineModule.layer_forward``. Where a sequence has ended, its states stay and all
    else is 0.
    """
    cell, (T, B), H = CELLS[config.cell], x.shape[:2], config.hidden_size
    results = {own.name: np.zeros((T, B, H)) for own in cell.states}
    results["gates"] = np.zeros((T, B, len(cell.blocks), H))
    if cell.has_extra:
        results["extra"] = np.zeros((T, B, H))
    for lane in range(B):
        mask = None if recurrent_mask is None else recurrent_mask[lane]
        states = {own.name: state[k, lane] for k, own in enumerate(cell.states)}
        for t in reversed(range(T)) if config.reverse else range(T):
            if lengths is None or t < lengths[lane]:
                seen = np.eye(config.input_size)[x[t, lane]] if x.ndim == 2 else x[t, lane]
                values = cell.step(config, weights, seen, tuple(states.values()), mask)
                states = {name: values[name] for name in states}
                results["gates"][t, lane] = [values[block.name] for block in cell.blocks]
                if cell.has_extra:
                    results["extra"][t, lane] = values["extra"]
            for name, value in states.items():
                results[name][t, lane] = value
    return results


def model(
    config: ModelConfig,
    parameters: np.ndarray,
    inputs: np.ndarray,
    state: np.ndarray,
    masks: list[np.ndarray] | None = None,
) -> tuple[list[Results], np.ndarray, np.ndarray]:
    """Each layer's results, logits (T, B, V) and the final state; ``masks`` multiply each layer's output."""
    views, final, x = parameter_views(config, parameters), state.copy(), inputs
    layers = []
    for k, own in enumerate(config.layers()):
        weights = Weights(**{name: views[f"layers.{k}.{name}"] for name in own.parameter_shapes()})
        layers.append(layer(own, weights, x, state[k]))
        final[k] = [layers[k][described.name][-1] for described in CELLS[own.cell].states]
        x = layers[k]["h"] if masks is None else layers[k]["h"] * masks[k]
    return layers, np.einsum("tbh,vh->tbv", x, views["output.W"]) + views["output.b"], final


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Mean nats of logits (…, V) per target (…) that is not −1, one position at a time; 0 if there is none."""
    nats = []
    for logit, target in zip(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), strict=True):
        if target >= 0:
            nats.append(math.log(math.fsum(math.exp(v - max(logit)) for v in logit)) + max(logit) - logit[target])
    return math.fsum(nats) / len(nats) if nats else 0.0


def layer_results(case: LayerCase) -> Results:
    """As from an engine, without the gradients."""
    Wt, b, peephole = case.weights
    weights = Weights(Wt.astype(float), b.astype(float), None if peephole is None else peephole.astype(float))
    state = case.state.astype(float)
    found = layer(case.config, weights, case.x, state, case.lengths, case.recurrent_mask)
    return {name: array.astype(case.state.dtype) for name, array in _as_activations(case.config, found, state).items()}


def model_results(case: ModelCase) -> Results:
    """As from an engine, without the gradients."""
    config, dtype, shape = case.config, case.parameters.dtype, (*case.inputs.shape, case.config.hidden_size)
    masks = None
    if case.dropout_key is not None:
        masks = [rng.dropout_mask(case.dropout_key, k, config.dropout, shape, dtype) for k in range(config.num_layers)]
    state = case.state.astype(float)
    layers, logits, final = model(config, case.parameters.astype(float), case.inputs, state, masks)
    results = {"logits": logits, "state": final}
    for k, (own, found) in enumerate(zip(config.layers(), layers, strict=True)):
        for name, array in _as_activations(own, found, state[k]).items():
            results[f"gates {k} {name}"] = array
    loss = np.array(cross_entropy(logits, case.targets))
    return {"loss": loss, **{name: array.astype(dtype) for name, array in results.items()}}


def _as_activations(config: LayerConfig, found: Results, state: np.ndarray) -> Results:
    """With the initial state in its place, as ``Activations`` has it."""
    results = dict(found)
    for own, initial in zip(CELLS[config.cell].states, state, strict=True):
        after = found[own.name]
        results[own.name] = np.concatenate([after, initial[None]] if config.reverse else [initial[None], after])
    return results
