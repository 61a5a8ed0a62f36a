"""Exercise 2: gate activation analysis."""

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


def capture(x, W, b):
    h, c, cache = lstm_forward(x[:, None], None, None, W, b)
    gates = {name: np.array(cache[name][:, 0]) for name in ("i", "f", "g", "o")}
    gates["C"], gates["h"] = c[:, 0].copy(), h[:, 0].copy()
    return gates


def summary(gate):
    return {"mean": np.mean(gate), "shut": np.mean(gate < 0.1), "open": np.mean(gate > 0.9)}


def by_character(gate, text):
    means = {}
    for character in sorted(set(text)):
        rows = [n for n, other in enumerate(text) if other == character]
        means[character] = gate[rows].mean(axis=0)
    return means


def most_selective(gate, text):
    means = np.array(list(by_character(gate, text).values()))
    spread = means.max(axis=0) - means.min(axis=0)
    return int(spread.argmax())


def report(gates, text):
    most_open = max("ifo", key=lambda name: np.mean(gates[name]))
    always = np.flatnonzero(gates["f"].min(axis=0) >= 0.9)
    means = by_character(gates["f"], text)
    forgets = min(means, key=lambda character: means[character].mean())
    return {"most open": most_open, "always open": always.tolist(), "forgets at": forgets}
