"""Another right way: plain Python, the whole text read anew for each drawn symbol, Gumbel's trick."""

from math import exp, log

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
        state = np.array(state)
        inputs, targets = (np.ascontiguousarray(array, np.int32) for array in (inputs, targets))
        loss = self.model.engine.forward(inputs, targets, state)
        self.model.engine.backward()
        self.optimizer.step()
        return loss, state

    def scores(self, inputs, state):
        state = np.array(state)
        self.model.engine.forward(np.ascontiguousarray(inputs, np.int32), None, state, keep=False)
        return self.model.engine.logits().astype(np.float64), state


def vocabulary(text):
    chars = []
    for char in text:
        if char not in chars:
            chars.append(char)
    chars.sort()
    return chars


def encode(text, chars):
    return np.array([chars.index(char) for char in text])


def make_batches(symbols, batch_size, seq_length):
    pairs = [(int(a), int(b)) for a, b in zip(symbols, symbols[1:])]
    per_lane = (len(pairs) + batch_size - 1) // batch_size
    pairs += [(0, -1)] * (per_lane * batch_size - len(pairs))
    lanes = [pairs[n * per_lane : (n + 1) * per_lane] for n in range(batch_size)]
    batches = []
    for start in range(0, per_lane, seq_length):
        rows = [[lane[t] for lane in lanes] for t in range(start, min(start + seq_length, per_lane))]
        inputs = np.array([[x for x, _ in row] for row in rows])
        targets = np.array([[y for _, y in row] for row in rows])
        batches.append([inputs, targets])
    return batches


def cross_entropy(scores, targets):
    losses = []
    for row, wanted in zip(scores, targets):
        for values, target in zip(row, wanted):
            if target >= 0:
                top = max(values)
                losses.append(log(sum(exp(v - top) for v in values)) + top - values[target])
    return sum(losses) / len(losses)


def perplexity(nats):
    return exp(nats)


def bits_per_char(nats):
    return nats / log(2)


def bigram_loss(train, unseen, num_symbols):
    counts = [[1] * num_symbols for _ in range(num_symbols)]
    for a, b in zip(train, train[1:]):
        counts[a][b] += 1
    losses = [-log(counts[a][b] / sum(counts[a])) for a, b in zip(unseen, unseen[1:])]
    return sum(losses) / len(losses)


def learn(network, batches, epochs):
    losses = []
    for epoch in range(epochs):
        state = None
        for inputs, targets in batches:
            if state is None:
                state = network.zero_state(len(inputs[0]))
            loss, state = network.train(inputs, targets, state)
            losses.append(float(loss))
    return losses


def evaluate(network, symbols, seq_length):
    state, losses = network.zero_state(1), []
    for start in range(0, len(symbols) - 1, seq_length):
        inputs = np.array(symbols[start : start + seq_length])[:, None]
        targets = np.array(symbols[start + 1 : start + seq_length + 1])[:, None]
        inputs = inputs[: len(targets)]
        scores, state = network.scores(inputs, state)
        for t in range(len(targets)):
            losses.append(cross_entropy(scores[t : t + 1], targets[t : t + 1]))
    return np.mean(losses)


def sample(network, prime, length, temperature, rng):
    text = [int(n) for n in prime]
    state = network.zero_state(1)
    for symbol in text:
        scores, state = network.scores(np.array([[symbol]]), state)
    while len(text) < len(prime) + length:
        noise = rng.gumbel(size=scores.shape[2]) if temperature > 0 else 0.0
        text.append(int(np.argmax(scores[0, 0] + temperature * noise)))
        scores, state = network.scores(np.array([text[-1:]]), state)
    return np.array(text[len(prime) :])
