"""Bonus 5: sentiment."""

import numpy as np

from lstm_ext import OptimizerConfig, nn
from lstm_ext.tasks.sentiment import NegatedReviews, PlainReviews
from lstm_ext.tasks.sentiment import sentences as in_words

PAD, UNKNOWN = 0, 1


def make_reviews(kind, rng, count):
    task = NegatedReviews() if kind == "negated" else PlainReviews()
    batch = task.batch(rng, count)
    return in_words(batch), [int(label) for label in batch.targets]


class Pooling(nn.Module):
    def __init__(self, kind):
        self.kind = kind

    def forward(self, h, lengths):
        self.lengths, self.steps = np.asarray(lengths), len(h)
        pooled = mean_state(h, self.lengths) if self.kind == "mean" else last_state(h, self.lengths)
        return np.asarray(pooled, h.dtype)

    def backward(self, dout):
        back = mean_state_backward if self.kind == "mean" else last_state_backward
        return np.asarray(back(dout, self.lengths, self.steps), dout.dtype)


class Classifier(nn.Model):
    def __init__(self, num_words, pooling):
        self.embedding = nn.Embedding(num_words, 8)
        self.rnn = nn.Recurrent("lstm", 8, 24)
        self.pooling = Pooling(pooling)
        self.output = nn.Linear(24, 2)

    def forward(self, words, lengths=None):
        h = self.rnn.forward(self.embedding.forward(words), lengths)
        return self.output.forward(self.pooling.forward(h, lengths))

    def backward(self, dout):
        self.embedding.backward(self.rnn.backward(self.pooling.backward(self.output.backward(dout))))


class Network:
    def __init__(self, num_words, pooling="mean", seed=0):
        self.model = Classifier(num_words, pooling).build(seed=seed)
        self.optimizer = nn.Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.02)

    def train(self, words, lengths, labels):
        self.model.train_step(words, lengths, np.asarray(labels), self.optimizer)

    def scores(self, words, lengths):
        return self.model.forward(words, lengths)


def number_words(sentences):
    words = sorted({word for sentence in sentences for word in sentence})
    return {word: n for n, word in enumerate(words, start=2)}


def split(sentences, labels, test_count, rng):
    unique = {tuple(sentence): label for sentence, label in zip(sentences, labels)}
    reviews = list(unique.items())
    order = rng.permutation(len(reviews))
    test, train = order[:test_count], order[test_count:]
    train_sentences = [list(reviews[n][0]) for n in train]
    test_sentences = [list(reviews[n][0]) for n in test]
    return train_sentences, [reviews[n][1] for n in train], test_sentences, [reviews[n][1] for n in test]


def pad(sentences, ids):
    lengths = np.array([len(sentence) for sentence in sentences])
    words = np.full((lengths.max(), len(sentences)), PAD)
    for b, sentence in enumerate(sentences):
        words[: len(sentence), b] = [ids.get(word, UNKNOWN) for word in sentence]
    return words, lengths


def last_state(h, lengths):
    columns = np.arange(h.shape[1])
    return h[lengths - 1, columns]


def last_state_backward(dlast, lengths, steps):
    dh = np.zeros((steps, *dlast.shape))
    dh[lengths - 1, np.arange(len(lengths))] = dlast
    return dh


def mean_state(h, lengths):
    counted = np.arange(len(h))[:, None] < lengths
    total = np.where(counted[:, :, None], h, 0.0).sum(axis=0)
    return total / lengths[:, None]


def mean_state_backward(dmean, lengths, steps):
    counted = np.arange(steps)[:, None] < lengths
    return counted[:, :, None] * (dmean / lengths[:, None])


def accuracy(predictions, labels):
    return np.mean(np.asarray(predictions) == np.asarray(labels))


def majority(labels):
    return int(np.bincount(labels).argmax())


def word_rule(train_sentences, train_labels, sentences):
    counts = {}
    for sentence, label in zip(train_sentences, train_labels):
        for word in sentence:
            counts.setdefault(word, [1, 1])[label] += 1
    weights = {word: np.log(good / bad) for word, (bad, good) in counts.items()}
    sums = [sum(weights.get(word, 0.0) for word in sentence) for sentence in sentences]
    return [int(total > 0) for total in sums]


def learn(network, sentences, labels, ids, updates, rng):
    labels = np.array(labels)
    for _ in range(updates):
        chosen = rng.integers(0, len(sentences), 64)
        words, lengths = pad([sentences[n] for n in chosen], ids)
        network.train(words, lengths, labels[chosen])


def predict(network, sentences, ids):
    words, lengths = pad(sentences, ids)
    return network.scores(words, lengths).argmax(axis=1)
