"""Another right way: a matrix of indicators; the keys of capture in another order."""

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
    h, c, cache = lstm_forward(np.expand_dims(x, 1), None, None, W, b)
    found = {"h": h, "C": c}
    found.update({name: cache[name] for name in "ogfi"})
    return {name: np.squeeze(value, 1).copy() for name, value in found.items()}


def summary(gate):
    gate = np.asarray(gate)
    return dict(mean=gate.mean(), shut=np.count_nonzero(gate < 0.1) / gate.size, open=np.count_nonzero(gate > 0.9) / gate.size)


def by_character(gate, text):
    letters = list(dict.fromkeys(text))
    indicator = np.array([[float(c == letter) for c in text] for letter in letters])
    means = indicator @ gate / indicator.sum(axis=1, keepdims=True)
    return dict(zip(letters, means))


def most_selective(gate, text):
    means = np.stack(list(by_character(gate, text).values()))
    return np.argmax(np.ptp(means, axis=0))


def report(gates, text):
    letters = by_character(gates["f"], text)
    names = ["i", "f", "o"]
    return {
        "most open": names[int(np.argmax([gates[name].mean() for name in names]))],
        "always open": [int(u) for u in np.where(np.all(gates["f"] >= 0.9, axis=0))[0]],
        "forgets at": min(letters, key=lambda c: float(np.mean(letters[c]))),
    }
