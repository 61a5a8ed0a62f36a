"""Recurrent networks once more, from the textbook and as slow as it gets, to compare engines with.

One sequence at a time, one step at a time, W·[h, x] + b as it is written: ``Cell.step``. No code is shared
with either engine, and nothing here knows about batches, gathers or gradients.
"""

from __future__ import annotations

import math

import numpy as np

from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.engine.config import ModelConfig


def layer(
    config: LayerConfig,
    weights: Weights,
    x: np.ndarray,
    state: np.ndarray,
    lengths: np.ndarray | None = None,
    recurrent_mask: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """What an engine's ``layer_forward`` should give: output, c_output, extra and every gate, (T, B, H)."""
    (T, B), H = x.shape[:2], config.hidden_size
    result: dict[str, np.ndarray] = {}
    for lane in range(B):
        mask = None if recurrent_mask is None else recurrent_mask[lane]
        states = {own.name: state[k, lane] for k, own in enumerate(CELLS[config.cell].states)}
        for t in reversed(range(T)) if config.reverse else range(T):
            values = {}
            if lengths is None or t < lengths[lane]:
                seen = np.eye(config.input_size)[x[t, lane]] if x.ndim == 2 else x[t, lane]
                values = CELLS[config.cell].step(config, weights, seen, tuple(states.values()), mask)
                states = {name: values[name] for name in states}
            after = {"output" if name == "h" else f"{name}_output": value for name, value in states.items()}
            for name, value in (values | after).items():
                result.setdefault(name, np.zeros((T, B, H)))[t, lane] = value
    return result


def parameter_views(config: ModelConfig, flat: np.ndarray) -> dict[str, np.ndarray]:
    """The named parts of a model's flat array."""
    views, start = {}, 0
    for name, shape in config.parameter_shapes().items():
        size = int(np.prod(shape))
        views[name] = flat[start : start + size].reshape(shape)
        start += size
    assert start == len(flat)
    return views


def model(
    config: ModelConfig,
    parameters: np.ndarray,
    inputs: np.ndarray,
    state: np.ndarray,
    masks: list[np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (T, B, V) and the final state; ``masks`` multiply each layer's output."""
    views = parameter_views(config, parameters)
    final = state.copy()
    x = inputs
    for k, layer_config in enumerate(config.layers()):
        weights = Weights(**{name: views[f"layers.{k}.{name}"] for name in layer_config.parameter_shapes()})
        result = layer(layer_config, weights, x, state[k])
        for own, described in zip(final[k], CELLS[config.cell].states, strict=True):
            own[...] = result["output" if described.name == "h" else f"{described.name}_output"][-1]
        x = result["output"] if masks is None else result["output"] * masks[k]
    return np.einsum("tbh,vh->tbv", x, views["output.W"]) + views["output.b"], final


def cross_entropy(logits: np.ndarray, targets: np.ndarray) -> float:
    """Mean nats per target ≥ 0, one position at a time."""
    nats = []
    for logit, target in zip(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1), strict=True):
        if target >= 0:
            nats.append(math.log(math.fsum(math.exp(v - max(logit)) for v in logit)) + max(logit) - logit[target])
    return math.fsum(nats) / len(nats) if nats else 0.0


def draw(logits: np.ndarray, u: float, temperature: float, top_k: int, top_p: float) -> int:
    """One symbol, with Python's own sorting and summing."""
    V = len(logits)
    if temperature == 0:
        return max(range(V), key=lambda v: (logits[v], -v))
    weights = [math.exp((logits[v] - max(logits)) / temperature) for v in range(V)]
    kept = sorted(range(V), key=lambda v: (-weights[v], v))
    if top_k > 0:
        kept = kept[:top_k]
    if top_p < 1:
        whole = math.fsum(weights[v] for v in kept)
        shares = [math.fsum(weights[v] for v in kept[: n + 1]) / whole for n in range(len(kept))]
        kept = kept[: 1 + next(n for n, share in enumerate(shares) if share >= top_p)]
    kept.sort()
    aim = u * math.fsum(weights[v] for v in kept)
    running = 0.0
    for v in kept:
        running += weights[v]
        if running > aim:
            return v
    return kept[-1]


def mix(z: int) -> int:
    z %= 2**64
    z ^= z >> 30
    z = z * 0xBF58476D1CE4E5B9 % 2**64
    z ^= z >> 27
    z = z * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def uniform(seed: int, n: int) -> float:
    return (mix(mix(seed) + (n + 1) * 0x9E3779B97F4A7C15) >> 11) * 2.0**-53


def dropout_mask(key: int, layer_index: int, p: float, shape: tuple[int, int, int]) -> np.ndarray:
    layer_key = mix(key + layer_index)
    mask = np.empty(shape)
    for n in range(mask.size):
        dropped = mix(layer_key + (n + 1) * 0x9E3779B97F4A7C15) >> 40 < math.floor(p * 2**24)
        mask.reshape(-1)[n] = 0.0 if dropped else 1 / (1 - p)
    return mask
