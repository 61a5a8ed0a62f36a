"""Exercise 4: remember the first character."""

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer

# Your guesses: accuracies between 0 and 1 after 300 updates, chance is 0.1. The check measures them.
guess_usual_20 = None  # b_f = 1, distance 20
guess_chrono_20 = None  # chrono biases, distance 20
guess_chrono_50 = None  # chrono biases, distance 50

ANSWERS = 10  # symbols 0 … 9
FILLERS = (10, 11, 12, 13, 14)
QUERY = 15
SYMBOLS = 16


class Network:
    """An LSTM with 32 units on the lab's core. Nothing to write here; look at how the biases start."""

    def __init__(self, start, distance, seed):
        config = ModelConfig(SYMBOLS, 32, SYMBOLS)
        if start == "chrono":
            self.model = LanguageModel(config, seed=seed, init=f"chrono:{distance + 2}", forget_bias=0.0)
        else:
            self.model = LanguageModel(config, seed=seed, forget_bias=1.0)
        self.optimizer = Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.01)

    def train(self, inputs, targets):
        """One update. inputs: (T, B) symbols, targets: (B,) answers. The loss counts at the last step only."""
        counted = np.full(inputs.shape, -1)
        counted[-1] = targets
        self.model.train_step(inputs, None, counted, self.optimizer)

    def scores(self, inputs):
        """The scores of all symbols at the last step: (B, 16)."""
        return self.model.forward(inputs)[-1]


def make_batch(rng, batch_size, distance):
    """New sequences: inputs (distance + 2, batch_size) and targets (batch_size,), integers.

    rng: np.random.Generator, from which everything is drawn.
    """
    raise NotImplementedError("make_batch")


def accuracy(scores, targets):
    """The share of sequences for which the symbol with the highest score is the target. scores: (B, 16)."""
    raise NotImplementedError("accuracy")


def learn(network, rng, distance, updates):
    """Train with batches of 32; return the accuracy on 500 unseen sequences."""
    raise NotImplementedError("learn")


def conclusions(table):
    """table[start][distance]: a list of accuracies, one for each seed; distances in ascending order.

    Returns {"reach": {start: the farthest distance that is reached, or 0}, "farther": the start that reaches
    farther, or "unclear"}.
    """
    raise NotImplementedError("conclusions")
