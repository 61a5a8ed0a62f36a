"""Another right way: the lab's lanes, cumulative probabilities, one character at a time."""

import math

import numpy as np

import lstm_ext
from lstm_ext import LanguageModel, Lanes, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer


class Network:
    def __init__(self, num_symbols, cell="lstm", hidden_size=48, seed=0):
        self.model = LanguageModel(ModelConfig(num_symbols, hidden_size, num_symbols, cell=cell), seed=seed)
        self.optimizer = Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.01)

    def zero_state(self, batch_size):
        return self.model.zero_state(batch_size)

    def train(self, inputs, targets, state):
        state = state.copy()
        loss = self.model.engine.forward(np.int32(inputs).copy("C"), np.int32(targets).copy("C"), state)
        self.model.engine.backward()
        self.optimizer.step()
        return loss, state

    def scores(self, inputs, state):
        state = state.copy()
        self.model.engine.forward(np.int32(inputs).copy("C"), None, state, keep=False)
        return self.model.engine.logits().astype(np.float64), state


def vocabulary(text):
    return tuple(np.unique(list(text)).tolist())


def encode(text, chars):
    return np.searchsorted(sorted(chars), list(text)) if list(chars) == sorted(chars) else [list(chars).index(c) for c in text]


def make_batches(symbols, batch_size, seq_length):
    lanes = Lanes(np.asarray(symbols), batch_size, seq_length)
    for step in range(lanes.steps):
        inputs, targets = lanes.chunk(step, 1)
        yield inputs[0], targets[0]


def cross_entropy(scores, targets):
    top = scores.max(2)
    log_sum = np.log(np.sum(np.exp(scores - top[:, :, None]), 2)) + top
    own = np.take_along_axis(scores, np.maximum(targets, 0)[:, :, None], 2)[:, :, 0]
    return float(np.average(log_sum - own, weights=targets != -1))


def perplexity(nats):
    return math.e**nats


def bits_per_char(nats):
    return nats * math.log2(math.e)


def bigram_loss(train, unseen, num_symbols):
    pairs = np.bincount(np.asarray(train[:-1]) * num_symbols + train[1:], minlength=num_symbols**2) + 1.0
    pairs = pairs.reshape(num_symbols, num_symbols)
    rows = np.log(pairs.sum(1))
    return float(np.mean(rows[unseen[:-1]] - np.log(pairs)[unseen[:-1], unseen[1:]]))


def learn(network, batches, epochs):
    batches = list(batches)
    zero = network.zero_state(batches[0][0].shape[1])
    losses = np.zeros((epochs, len(batches)))
    for epoch in range(epochs):
        state = zero
        for n, batch in enumerate(batches):
            losses[epoch, n], state = network.train(*batch, state)
    return losses.ravel()


def evaluate(network, symbols, seq_length):
    scores, _ = network.scores(np.asarray(symbols)[:-1, None], network.zero_state(1))
    return cross_entropy(scores, np.asarray(symbols)[1:, None])


def sample(network, prime, length, temperature, rng):
    state, drawn = network.zero_state(1), []
    for symbol in prime[:-1]:
        state = network.scores([[symbol]], state)[1]
    symbol = prime[-1]
    for _ in range(length):
        scores, state = network.scores([[symbol]], state)
        row = scores[0, 0] / max(temperature, 1e-9)
        p = np.exp(row - row.max())
        symbol = int(np.searchsorted(np.cumsum(p), rng.random() * p.sum(), side="right"))
        drawn.append(symbol)
    return drawn
