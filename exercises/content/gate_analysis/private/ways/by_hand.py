"""Another right way: the gates step by step, lists, NumPy's own grouping."""

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig, lstm_forward
from lstm_ext.nn import Optimizer

def train(text, updates, seed):
    """A net with 16 units that learns to predict the next character of text, on the lab's core.

    Returns the one-hot inputs x (T, D), and the layer's W (4H, H+D) and b (4H,).
    """
    letters = sorted(set(text))
    ids = np.array([letters.index(character) for character in text])
    model = LanguageModel(ModelConfig(len(letters), 16, len(letters)), seed=seed)
    optimizer = Optimizer(model, OptimizerConfig(clip_norm=1.0), lr=0.01)
    for _ in range(updates):
        model.train_step(ids[:-1, None], None, ids[1:, None], optimizer)
    layer = model.layers[0]
    return np.eye(len(letters))[ids], np.array(layer.Wt.T, float), np.array(layer.b, float)


def sigma(a):
    return 1 / (1 + np.exp(-a))


def capture(x, W, b):
    H = len(b) // 4
    h = c = np.zeros(H)
    rows = {name: [] for name in ("i", "f", "g", "o", "C", "h")}
    for x_t in x:
        a = W @ np.concatenate([h, x_t]) + b
        i, f, g, o = sigma(a[:H]), sigma(a[H : 2 * H]), np.tanh(a[2 * H : 3 * H]), sigma(a[3 * H :])
        c = f * c + i * g
        h = o * np.tanh(c)
        for name, value in zip(rows, (i, f, g, o, c, h)):
            rows[name].append(value)
    return {name: np.array(values) for name, values in rows.items()}


def summary(gate):
    values = np.ravel(gate)
    return {
        "open": float(sum(v > 0.9 for v in values)) / len(values),
        "shut": float(sum(v < 0.1 for v in values)) / len(values),
        "mean": float(values.sum() / len(values)),
    }


def by_character(gate, text):
    letters = np.array(list(text))
    return {str(c): np.average(gate, axis=0, weights=(letters == c)) for c in np.unique(letters)}


def most_selective(gate, text):
    best, found = -1.0, None
    means = by_character(gate, text)
    for unit in range(gate.shape[1]):
        values = [mean[unit] for mean in means.values()]
        if max(values) - min(values) > best:
            best, found = max(values) - min(values), unit
    return found


def report(gates, text):
    means = {name: summary(gates[name])["mean"] for name in ("o", "f", "i")}
    f = gates["f"]
    by = {c: v.mean() for c, v in by_character(f, text).items()}
    return {
        "forgets at": sorted(by, key=by.get)[0],
        "always open": [unit for unit in range(f.shape[1]) if (f[:, unit] >= 0.9).all()],
        "most open": sorted(means, key=means.get)[-1],
    }
