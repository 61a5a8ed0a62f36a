"""What engines are compared with: the textbook's equations, and sampling, random numbers and dropout once more.

Slow and plain; no code is shared with either engine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.engine.config import ModelConfig
from lstm_ext.verify import textbook
from lstm_ext.verify.textbook import cross_entropy

__all__ = ["cross_entropy", "draw", "dropout_mask", "layer", "model", "parameter_views", "uniform"]


def layer(config: LayerConfig, weights: Weights, *arguments: Any) -> dict[str, np.ndarray]:
    """What an engine's ``layer_forward`` should give: output, c_output, extra and every gate, (T, B, H)."""
    found = textbook.layer(config, weights, *arguments)
    gates = found.pop("gates")
    named = {{"h": "output", "c": "c_output"}.get(name, name): array for name, array in found.items()}
    return named | {block.name: gates[:, :, k] for k, block in enumerate(CELLS[config.cell].blocks)}


def parameter_views(config: ModelConfig, flat: np.ndarray) -> dict[str, np.ndarray]:
    """The named parts of a model's flat array."""
    views, start = {}, 0
    for name, shape in config.parameter_shapes().items():
        size = int(np.prod(shape))
        views[name] = flat[start : start + size].reshape(shape)
        start += size
    assert start == len(flat)
    return views


def model(*arguments: Any) -> tuple[np.ndarray, np.ndarray]:
    """Logits (T, B, V) and the final state."""
    _, logits, final = textbook.model(*arguments)
    return logits, final


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
