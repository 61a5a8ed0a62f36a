"""Exercise 4: remember the first character."""

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer

ANSWERS = 10
FILLERS = (10, 11, 12, 13, 14)
QUERY = 15
SYMBOLS = 16


class Network:
    def __init__(self, start, distance, seed):
        config = ModelConfig(SYMBOLS, 32, SYMBOLS)
        if start == "chrono":
            self.model = LanguageModel(config, seed=seed, init=f"chrono:{distance + 2}", forget_bias=0.0)
        else:
            self.model = LanguageModel(config, seed=seed, forget_bias=1.0)
        self.optimizer = Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.01)

    def train(self, inputs, targets):
        counted = np.full(inputs.shape, -1)
        counted[-1] = targets
        self.model.train_step(inputs, None, counted, self.optimizer)

    def scores(self, inputs):
        return self.model.forward(inputs)[-1]


def make_batch(rng, batch_size, distance):
    targets = rng.integers(0, ANSWERS, batch_size)
    fillers = rng.choice(FILLERS, (distance, batch_size))
    query = np.full((1, batch_size), QUERY)
    inputs = np.concatenate([targets[None], fillers, query])
    return inputs, targets


def accuracy(scores, targets):
    answers = scores.argmax(axis=1)
    return np.mean(answers == targets)


def learn(network, rng, distance, updates):
    for _ in range(updates):
        inputs, targets = make_batch(rng, 32, distance)
        network.train(inputs, targets)
    unseen, answers = make_batch(rng, 500, distance)
    return accuracy(network.scores(unseen), answers)


def conclusions(table):
    reach = {}
    for start, row in table.items():
        reach[start] = 0
        for distance, accuracies in row.items():
            if np.median(accuracies) < 0.99:
                break
            reach[start] = distance
    best = max(reach, key=reach.get)
    tied = list(reach.values()).count(reach[best]) > 1
    return {"reach": reach, "farther": "unclear" if tied else best}
