"""Bonus 5: sentiment."""

import numpy as np

from lstm_ext import OptimizerConfig, nn
from lstm_ext.tasks.sentiment import NegatedReviews, PlainReviews
from lstm_ext.tasks.sentiment import sentences as in_words

# Your guesses: accuracies on unseen reviews, between 0 and 1. The check measures them.
guess_rule_plain = None  # counted words, plain reviews
guess_lstm_plain = None  # the LSTM, plain reviews
guess_rule_negated = None  # counted words, where "not" turns words around
guess_lstm_negated = None  # the LSTM there

PAD, UNKNOWN = 0, 1  # numbers of no word: what fills a column's end, and what training never showed


def make_reviews(kind, rng, count):
    """Made-up reviews, in words, and their labels: 1 is good, 0 is bad. kind: "plain" or "negated". Given."""
    task = NegatedReviews() if kind == "negated" else PlainReviews()
    batch = task.batch(rng, count)
    return in_words(batch), [int(label) for label in batch.targets]


class Pooling(nn.Module):
    """Your pooling as a part of a network. Given."""

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
    """Embedding, LSTM with 24 units, your pooling, scores. Given."""

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
    """What learns and answers. num_words counts padding and unknown words, too. Given."""

    def __init__(self, num_words, pooling="mean", seed=0):
        self.model = Classifier(num_words, pooling).build(seed=seed)
        self.optimizer = nn.Optimizer(self.model, OptimizerConfig(clip_norm=1.0), lr=0.02)

    def train(self, words, lengths, labels):
        """One update from words (T, B), their lengths (B,) and labels (B,)."""
        self.model.train_step(words, lengths, np.asarray(labels), self.optimizer)

    def scores(self, words, lengths):
        """The scores (B, 2) of bad and good."""
        return self.model.forward(words, lengths)


def number_words(sentences):
    """A dictionary from word to number: 2, 3, … for the words of the sentences in sorted order."""
    raise NotImplementedError("number_words")


def split(sentences, labels, test_count, rng):
    """Shuffle and split. Reviews that stand there twice are kept once.

    Returns four lists: train_sentences, train_labels, test_sentences, test_labels; the test has test_count reviews.
    """
    raise NotImplementedError("split")


def pad(sentences, ids):
    """Numbers (T, B), one column for each sentence, PAD below its end, UNKNOWN for words not in ids; lengths (B,)."""
    raise NotImplementedError("pad")


def last_state(h, lengths):
    """h (T, B, H) → (B, H): each sequence's state after its own last word."""
    raise NotImplementedError("last_state")


def last_state_backward(dlast, lengths, steps):
    """The gradient (B, H) of last_state → that of h, (steps, B, H)."""
    raise NotImplementedError("last_state_backward")


def mean_state(h, lengths):
    """h (T, B, H) → (B, H): the mean over each sequence's own steps."""
    raise NotImplementedError("mean_state")


def mean_state_backward(dmean, lengths, steps):
    """The gradient (B, H) of mean_state → that of h, (steps, B, H)."""
    raise NotImplementedError("mean_state_backward")


def accuracy(predictions, labels):
    """The share of predictions that are right. Both are lists or arrays of 0 and 1."""
    raise NotImplementedError("accuracy")


def majority(labels):
    """The commoner of the labels 0 and 1."""
    raise NotImplementedError("majority")


def word_rule(train_sentences, train_labels, sentences):
    """0 or 1 for each of sentences: 1 if the weights of its words add up to more than 0.

    A word's weight is log((times in good reviews + 1) / (times in bad ones + 1)), counted in the training reviews.
    """
    raise NotImplementedError("word_rule")


def learn(network, sentences, labels, ids, updates, rng):
    """Each update: 64 reviews drawn at random, padded, network.train(words, lengths, labels)."""
    raise NotImplementedError("learn")


def predict(network, sentences, ids):
    """0 or 1 for each sentence, by network.scores(words, lengths)."""
    raise NotImplementedError("predict")


def main():
    """Both kinds of reviews: what counting can do, and what the network can."""
    for kind in ("plain", "negated"):
        rng = np.random.default_rng(1)
        train, train_labels, test, labels = split(*make_reviews(kind, rng, 3500), 500, rng)
        ids = number_words(train)
        always = [majority(train_labels)] * len(labels)
        print(f"{kind}: majority {accuracy(always, labels):.3f}", end="")
        print(f", counted words {accuracy(word_rule(train, train_labels, test), labels):.3f}", end="")
        for pooling in ("mean", "last"):
            network = Network(len(ids) + 2, pooling)
            learn(network, train, train_labels, ids, 600, rng)
            print(f", LSTM ({pooling}) {accuracy(predict(network, test, ids), labels):.3f}", end="")
        print()


if __name__ == "__main__":
    main()
