"""Another right way: plain loops."""

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
    words = []
    for sentence in sentences:
        for word in sentence:
            if word not in words:
                words.append(word)
    ids = {}
    for word in sorted(words):
        ids[word] = len(ids) + 2
    return ids


def split(sentences, labels, test_count, rng):
    reviews = sorted({(tuple(sentence), label) for sentence, label in zip(sentences, labels)})
    rng.shuffle(reviews)
    train, test = reviews[test_count:], reviews[:test_count]
    return [list(r[0]) for r in train], [int(r[1]) for r in train], [list(r[0]) for r in test], [int(r[1]) for r in test]


def pad(sentences, ids):
    steps = max(len(sentence) for sentence in sentences)
    rows = []
    for t in range(steps):
        rows.append([(ids[s[t]] if s[t] in ids else UNKNOWN) if t < len(s) else PAD for s in sentences])
    return np.array(rows), np.array([len(s) for s in sentences])


def last_state(h, lengths):
    return np.array([h[n - 1, b] for b, n in enumerate(lengths)])


def last_state_backward(dlast, lengths, steps):
    dh = np.zeros((steps,) + dlast.shape)
    for b, n in enumerate(lengths):
        dh[n - 1, b] += dlast[b]
    return dh


def mean_state(h, lengths):
    return np.stack([h[:n, b].mean(axis=0) for b, n in enumerate(lengths)])


def mean_state_backward(dmean, lengths, steps):
    dh = np.zeros((steps,) + dmean.shape)
    for b, n in enumerate(lengths):
        for t in range(n):
            dh[t, b] = dmean[b] / n
    return dh


def accuracy(predictions, labels):
    return sum(int(a) == int(b) for a, b in zip(predictions, labels)) / len(labels)


def majority(labels):
    labels = [int(label) for label in labels]
    return max((0, 1), key=labels.count)


def word_rule(train_sentences, train_labels, sentences):
    from collections import Counter
    from math import log

    good, bad = Counter(), Counter()
    for sentence, label in zip(train_sentences, train_labels):
        (good if label == 1 else bad).update(sentence)
    answers = []
    for sentence in sentences:
        total = 0.0
        for word in sentence:
            total += log((good[word] + 1) / (bad[word] + 1))
        answers.append(1 if total > 0 else 0)
    return answers


def learn(network, sentences, labels, ids, updates, rng):
    for _ in range(updates):
        chosen = [int(rng.random() * len(sentences)) for _ in range(64)]
        words, lengths = pad([sentences[n] for n in chosen], ids)
        network.train(words, lengths, np.array([labels[n] for n in chosen]))


def predict(network, sentences, ids):
    answers = []
    for sentence in sentences:
        bad, good = network.scores(*pad([sentence], ids))[0]
        answers.append(int(good > bad))
    return answers
