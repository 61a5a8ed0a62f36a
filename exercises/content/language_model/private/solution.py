"""Day 14, exercise 2: a language model."""

import numpy as np

from lstm_ext import LanguageModel, ModelConfig, OptimizerConfig
from lstm_ext.nn import Optimizer


class Network:
    def __init__(self, num_symbols, cell="lstm", hidden_size=48, seed=0):
        self.model = LanguageModel(ModelConfig(num_symbols, hidden_size, num_symbols, cell=cell), seed=seed)
        self.optimizer = Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.01)

    def zero_state(self, batch_size):
        return self.model.zero_state(batch_size)

    def train(self, inputs, targets, state):
        state = state.copy()
        inputs, targets = (np.ascontiguousarray(array, np.int32) for array in (inputs, targets))
        loss = self.model.engine.forward(inputs, targets, state)
        self.model.engine.backward()
        self.optimizer.step()
        return loss, state

    def scores(self, inputs, state):
        state = state.copy()
        self.model.engine.forward(np.ascontiguousarray(inputs, np.int32), None, state, keep=False)
        return self.model.engine.logits().astype(np.float64), state


def vocabulary(text):
    return sorted(set(text))


def encode(text, chars):
    number = {char: n for n, char in enumerate(chars)}
    return np.array([number[char] for char in text])


def make_batches(symbols, batch_size, seq_length):
    inputs, targets = symbols[:-1], symbols[1:]
    length = -(-len(inputs) // batch_size)
    missing = batch_size * length - len(inputs)
    inputs = np.append(inputs, np.zeros(missing, int)).reshape(batch_size, length).T
    targets = np.append(targets, np.full(missing, -1)).reshape(batch_size, length).T
    return [(inputs[t : t + seq_length], targets[t : t + seq_length]) for t in range(0, length, seq_length)]


def cross_entropy(scores, targets):
    shifted = scores - scores.max(axis=2, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    counted = targets >= 0
    rows = log_p[counted]
    return -rows[np.arange(len(rows)), targets[counted]].mean()


def perplexity(nats):
    return np.exp(nats)


def bits_per_char(nats):
    return nats / np.log(2)


def bigram_loss(train, unseen, num_symbols):
    counts = np.ones((num_symbols, num_symbols))
    np.add.at(counts, (train[:-1], train[1:]), 1)
    p = counts / counts.sum(axis=1, keepdims=True)
    return -np.log(p[unseen[:-1], unseen[1:]]).mean()


def learn(network, batches, epochs):
    losses = []
    for _ in range(epochs):
        state = network.zero_state(batches[0][0].shape[1])
        for inputs, targets in batches:
            loss, state = network.train(inputs, targets, state)
            losses.append(loss)
    return losses


def evaluate(network, symbols, seq_length):
    total = 0.0
    state = network.zero_state(1)
    for inputs, targets in make_batches(symbols, 1, seq_length):
        scores, state = network.scores(inputs, state)
        total += cross_entropy(scores, targets) * len(targets)
    return total / (len(symbols) - 1)


def sample(network, prime, length, temperature, rng):
    state = network.zero_state(1)
    scores, state = network.scores(np.reshape(prime, (-1, 1)), state)
    drawn = []
    for _ in range(length):
        last = scores[-1, 0]
        if temperature == 0:
            symbol = last.argmax()
        else:
            p = np.exp((last - last.max()) / temperature)
            symbol = rng.choice(len(p), p=p / p.sum())
        drawn.append(symbol)
        scores, state = network.scores(np.array([[symbol]]), state)
    return np.array(drawn)
