"""Another right way: sequence by sequence, plain Python, balanced answers."""

import random

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer


class Network:
    def __init__(self, start, distance, seed):
        options = {"init": f"chrono:{distance + 2}", "forget_bias": 0.0} if start == "chrono" else {"forget_bias": 1.0}
        self.model = LanguageModel(ModelConfig(16, 32, 16), seed=seed, **options)
        self.optimizer = Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.01)

    def train(self, inputs, targets):
        counted = np.full(inputs.shape, -1)
        counted[-1] = targets
        self.model.train_step(inputs, None, counted, self.optimizer)

    def scores(self, inputs):
        return self.model.forward(inputs)[-1]


def make_batch(rng, batch_size, distance):
    mine = random.Random(int(rng.integers(2**31)))
    columns = []
    for number in range(batch_size):
        columns.append([number % 10] + [mine.randrange(10, 15) for _ in range(distance)] + [15])
    mine.shuffle(columns)
    inputs = np.array(columns).T
    return [inputs, inputs[0].copy()]


def accuracy(scores, targets):
    right = 0
    for row, target in zip(scores, targets):
        right += int(max(range(16), key=lambda symbol: row[symbol]) == target)
    return right / len(targets)


def learn(network, rng, distance, updates):
    step = 0
    while step < updates:
        network.train(*make_batch(rng, 32, distance))
        step += 1
    right = 0.0
    for _ in range(5):
        inputs, targets = make_batch(rng, 100, distance)
        right += accuracy(network.scores(inputs), targets) / 5
    return right


def conclusions(table):
    def reach(row):
        good = [distance for distance in sorted(row) if sorted(row[distance])[len(row[distance]) // 2] >= 0.99]
        bad = [distance for distance in row if distance not in good]
        return max([d for d in good if not bad or d < min(bad)], default=0)

    found = {start: reach(row) for start, row in table.items()}
    first, second = sorted(found, key=found.get)[-1], sorted(found, key=found.get)[-2]
    return {"reach": found, "farther": first if found[first] > found[second] else "unclear"}
