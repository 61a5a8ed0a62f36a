"""Exercise 2: gate activation analysis."""

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer

# Your guesses, before you look: the mean of a gate over all characters and units, between 0 and 1.
guess_forget_before = None  # forget gate, before training, with b_f = 1
guess_forget_after = None  # forget gate, after learning abcabc…
guess_input_after = None  # input gate, after learning abcabc…


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
    """Everything that the layer computes while it reads x (T, D) from a zero state.

    Returns a dictionary of arrays (T, H): "i", "f", "g", "o", "C", "h".
    """
    raise NotImplementedError("capture")


def summary(gate):
    """{"mean": …, "shut": the share of values below 0.1, "open": the share above 0.9} of an array (T, H)."""
    raise NotImplementedError("summary")


def by_character(gate, text):
    """{character: the mean (H,) over the rows at which it was read}. gate: (T, H), text: T characters."""
    raise NotImplementedError("by_character")


def most_selective(gate, text):
    """The number of the unit whose means by character differ most (largest minus smallest)."""
    raise NotImplementedError("most_selective")


def report(gates, text):
    """Three findings about the arrays of capture:

    "most open": "i", "f" or "o", the gate with the highest mean;
    "always open": the numbers of the units whose f never falls below 0.9, a list in ascending order;
    "forgets at": the character for which the mean of f over all units is smallest.
    """
    raise NotImplementedError("report")
