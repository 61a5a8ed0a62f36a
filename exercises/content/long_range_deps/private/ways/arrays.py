"""Another right way: filled arrays, a permuted range of answers."""

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer


class Network:
    def __init__(self, start, distance, seed):
        chrono = start == "chrono"
        init = f"chrono:{distance + 2}" if chrono else "uniform"
        self.model = LanguageModel(ModelConfig(16, 32, 16), seed=seed, init=init, forget_bias=0.0 if chrono else 1.0)
        self.optimizer = Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.01)

    def train(self, inputs, targets):
        where = np.full(inputs.shape, -1)
        where[-1] = targets
        self.model.train_step(inputs, None, where, self.optimizer)

    def scores(self, inputs):
        return self.model.forward(inputs)[-1]


def make_batch(rng, batch_size, distance):
    inputs = np.empty((distance + 2, batch_size), dtype=np.int32)
    inputs[0] = rng.permutation(np.resize(np.arange(10), batch_size))
    inputs[1:-1] = rng.integers(10, 15, size=(distance, batch_size))
    inputs[-1] = 15
    return inputs, inputs[0].copy()


def accuracy(scores, targets):
    return float((np.argmax(np.asarray(scores), 1) == np.asarray(targets)).sum()) / len(targets)


def learn(network, rng, distance, updates):
    test = make_batch(rng, 500, distance)
    for n in range(updates):
        batch = make_batch(rng, 32, distance)
        network.train(batch[0], batch[1])
    return accuracy(network.scores(test[0]), test[1])


def conclusions(table):
    reach = {}
    for start in table:
        far = 0
        for distance in sorted(table[start]):
            if np.median(table[start][distance]) >= 0.99:
                far = distance
            else:
                break
        reach[start] = far
    values = sorted(reach.values())
    best = [start for start in reach if reach[start] == values[-1]]
    return {"farther": best[0] if len(best) == 1 else "unclear", "reach": reach}
