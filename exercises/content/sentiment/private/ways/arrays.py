"""Another right way: masks and products, log-counts of a matrix, shuffled epochs."""

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
    return dict(zip(np.unique(np.concatenate(sentences)).tolist(), range(2, 10**6)))


def split(sentences, labels, test_count, rng):
    keys = [" ".join(sentence) for sentence in sentences]
    _, first = np.unique(keys, return_index=True)
    rng.shuffle(first)
    rest, test = np.split(first, [len(first) - test_count])
    labels = np.asarray(labels)
    return [sentences[n] for n in rest], labels[rest], [sentences[n] for n in test], labels[test]


def pad(sentences, ids):
    lengths = [len(sentence) for sentence in sentences]
    words = np.zeros((len(sentences), max(lengths)), dtype=np.int32)
    words[np.arange(max(lengths)) < np.array(lengths)[:, None]] = [ids.get(w, UNKNOWN) for s in sentences for w in s]
    return words.T, np.array(lengths, dtype=np.int32)


def last_state(h, lengths):
    last = (np.arange(len(h))[:, None] == lengths - 1)[..., None]
    return np.where(last, h, 0).sum(0)


def last_state_backward(dlast, lengths, steps):
    return (np.arange(steps)[:, None] == lengths - 1)[..., None] * dlast


def mean_state(h, lengths):
    share = (np.arange(len(h))[:, None] < lengths) / lengths
    return np.einsum("tb,tbh->bh", share, h)


def mean_state_backward(dmean, lengths, steps):
    share = (np.arange(steps)[:, None] < lengths) / lengths
    return np.einsum("tb,bh->tbh", share, dmean)


def accuracy(predictions, labels):
    return 1 - np.count_nonzero(np.subtract(predictions, labels)) / len(labels)


def majority(labels):
    return int(np.mean(labels) > 0.5)


def word_rule(train_sentences, train_labels, sentences):
    ids = number_words(train_sentences)
    counts = np.ones((len(ids) + 2, 2))
    for sentence, label in zip(train_sentences, train_labels):
        np.add.at(counts, ([ids[word] for word in sentence], label), 1)
    weights = np.log(counts[:, 1]) - np.log(counts[:, 0])
    return np.array([weights[[ids.get(word, 0) for word in sentence]].sum() > 1e-12 for sentence in sentences]).astype(int)


def learn(network, sentences, labels, ids, updates, rng):
    waiting = []
    for _ in range(updates):
        while len(waiting) < 64:
            waiting += rng.permutation(len(sentences)).tolist()
        chosen, waiting = waiting[:64], waiting[64:]
        words, lengths = pad([sentences[n] for n in chosen], ids)
        network.train(words, lengths, [labels[n] for n in chosen])


def predict(network, sentences, ids):
    answers = []
    for start in range(0, len(sentences), 100):
        scores = network.scores(*pad(sentences[start : start + 100], ids))
        answers.extend((scores[:, 1] > scores[:, 0]).astype(int))
    return np.array(answers)
