"""Recurrent networks once more, from the textbook and as slow as it gets, to compare engines with.

One sequence at a time, one step at a time, W·[h, x] + b as it is written. No code is shared with
either engine, and nothing here knows about batches, gathers or gradients.
"""

from __future__ import annotations

import math

import numpy as np

from lstm_ext.engine.config import LayerConfig, ModelConfig


def sigmoid(a: np.ndarray) -> np.ndarray:
    return np.array([1 / (1 + math.exp(-v)) if v >= 0 else math.exp(v) / (1 + math.exp(v)) for v in a])


def step(
    config: LayerConfig,
    W: np.ndarray,
    b: np.ndarray,
    p: np.ndarray | None,
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    mask: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """(h, c, gates by name, extra) after one step of one sequence. W (G·H, H+D), x (D,), h, c and mask (H,)."""
    H = len(h)
    kept, h = h, h if mask is None else mask * h  # what a GRU keeps of h is not masked, what W sees is

    def rows(k: int) -> slice:
        return slice(k * H, (k + 1) * H)

    hx = np.concatenate([h, x])
    if config.cell == "rnn":
        h = np.tanh(W @ hx + b)
        return h, c, {"h": h}, np.zeros(H)
    if config.cell == "mingru":
        z, n = sigmoid(W[:H] @ x + b[:H]), W[H:] @ x + b[H:]
        return (1 - z) * kept + z * n, c, {"z": z, "n": n}, np.zeros(H)
    if config.cell == "gru":
        r, z = (sigmoid(W[rows(k)] @ hx + b[rows(k)]) for k in (0, 1))
        Wn, bn = W[rows(2)], b[rows(2)]
        if config.reset_after:
            extra = Wn[:, :H] @ h + b[rows(3)]
            n = np.tanh(Wn[:, H:] @ x + bn + r * extra)
        else:
            extra = r * h
            n = np.tanh(Wn @ np.concatenate([r * h, x]) + bn)
        return (1 - z) * kept + z * n, c, {"r": r, "z": z, "n": n}, extra
    a_i, a_f, a_g, a_o = (W[rows(k)] @ hx + b[rows(k)] for k in range(4))
    p_i, p_f, p_o = np.zeros((3, H)) if p is None else p
    i = sigmoid(a_i + p_i * c)
    f = sigmoid(a_f + p_f * c)
    g = np.tanh(a_g)
    f = np.full(H, config.force["forget"]) if "forget" in config.force else f
    i = 1 - f if config.coupled else i
    i = np.full(H, config.force["input"]) if "input" in config.force else i
    c = f * c + i * g
    o = sigmoid(a_o + p_o * c)
    o = np.full(H, config.force["output"]) if "output" in config.force else o
    return o * np.tanh(c), c, {"i": i, "f": f, "g": g, "o": o}, np.tanh(c)


def layer(
    config: LayerConfig,
    Wt: np.ndarray,
    b: np.ndarray,
    peephole: np.ndarray | None,
    x: np.ndarray,
    lengths: np.ndarray | None,
    h0: np.ndarray,
    c0: np.ndarray | None,
    recurrent_mask: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """What an engine's ``layer_forward`` should give: output, c_output, extra and every gate, (T, B, H)."""
    (T, B), H = x.shape[:2], config.hidden_size
    result: dict[str, np.ndarray] = {}
    for lane in range(B):
        mask = None if recurrent_mask is None else recurrent_mask[lane]
        h, c = h0[lane], np.zeros(H) if c0 is None else c0[lane]
        for t in reversed(range(T)) if config.reverse else range(T):
            gates: dict[str, np.ndarray] = {}
            extra = np.zeros(H)
            if lengths is None or t < lengths[lane]:
                seen = np.eye(config.input_size)[x[t, lane]] if x.ndim == 2 else x[t, lane]
                h, c, gates, extra = step(config, Wt.T, b, peephole, seen, h, c, mask)
            for name, value in {"output": h, "c_output": c, "extra": extra, **gates}.items():
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
        Wt, b, peephole = (views.get(f"layers.{k}.{name}") for name in ("Wt", "b", "peephole"))
        assert Wt is not None and b is not None
        c0 = state[k, 1] if config.cell == "lstm" else None
        result = layer(layer_config, Wt, b, peephole, x, None, state[k, 0], c0)
        final[k, 0] = result["output"][-1]
        if config.cell == "lstm":
            final[k, 1] = result["c_output"][-1]
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
