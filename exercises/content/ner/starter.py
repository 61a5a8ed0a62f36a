"""Day 14, exercise 4: find the names in sentences."""

import numpy as np

from lstm_ext import OptimizerConfig, nn
from lstm_ext.tasks.entities import EntityCorpus

# Your guesses, between 0 and 1. The check measures them on 300 sentences that the net has not seen.
guess_all_outside = None  # the share of words that are right if every word is tagged O
guess_baseline = None  # F1 of giving each word the tag that it had most often
guess_one_way = None  # F1 of an LSTM that reads from left to right, after 150 updates
guess_both_ways = None  # F1 of a BiLSTM, after 150 updates

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")  # a tag's number is its place here
PADDING, UNKNOWN = 0, 1  # what these two numbers mean among the words; real words count from 2


def corpus(seed):
    """600 sentences to learn from and 300 to test on, each a pair (words, tags). Print a few!

    A quarter of the names in the test never occur in training.
    """
    names, rng = EntityCorpus(), np.random.default_rng(seed)
    return names.sentences(rng, 600), names.sentences(rng, 300, test=True)


class Network:
    """A tagger on the lab's core: embedding, LSTM in one or both directions, a tag for each word. Nothing to write."""

    def __init__(self, num_words, bidirectional=True, seed=0):
        self.model = nn.Tagger(num_words, 32, len(TAGS), embedding_size=32, bidirectional=bidirectional)
        self.model.build(seed=seed)
        self.optimizer = nn.Optimizer(self.model, OptimizerConfig(clip_norm=5.0), lr=0.01)

    def train(self, inputs, lengths, targets):
        """One update. inputs (T, B), lengths (B,), targets (T, B), where −1 does not count."""
        self.model.train_step(inputs, lengths, targets, self.optimizer)

    def predict(self, inputs, lengths):
        """The numbers of the tags, (T, B); −1 beyond a sentence's length."""
        return self.model.predict(inputs, lengths)


def is_valid(tags):
    """Whether BIO allows this list of tags: an I-X only follows a B-X or an I-X."""
    raise NotImplementedError("is_valid")


def spans(tags):
    """The entities that the tags mark: a list of (type, start, end), words start … end−1; type as in "PER".

    An I-X that follows neither B-X nor I-X begins a new entity, as if it were B-X.
    """
    raise NotImplementedError("spans")


def span_scores(true, predicted):
    """Lists of lists of tags, one for each sentence. Returns (precision, recall, F1), 0 where nothing can be divided.

    A span is right if its sentence, its type, its start and its end are.
    """
    raise NotImplementedError("span_scores")


def word_accuracy(predicted, targets):
    """The share of words with the right tag. Both (T, B), numbers of tags; targets are −1 in the padding."""
    raise NotImplementedError("word_accuracy")


def make_vocabulary(sentences):
    """A number for each word of the sentences, as a dictionary: 2, 3, 4 …"""
    raise NotImplementedError("make_vocabulary")


def make_batch(sentences, words):
    """Returns inputs (T, B), lengths (B,) and targets (T, B), integers. T: the longest sentence.

    words: from make_vocabulary. Beyond its end, a sentence has inputs PADDING and targets −1.
    """
    raise NotImplementedError("make_batch")


def hide_words(rng, inputs, share):
    """A copy of inputs (T, B) in which about this share of the words is UNKNOWN, each drawn by itself."""
    raise NotImplementedError("hide_words")


def tag_sentences(network, sentences, words):
    """What the network says: a list of tags, such as "B-PER", for each sentence, as long as the sentence."""
    raise NotImplementedError("tag_sentences")


def baseline(train, test):
    """A list of tags for each sentence of test: each word gets the tag that it had most often in train, O if new."""
    raise NotImplementedError("baseline")


def learn(make_network, train, test, rng, updates):
    """Train a network, each update on 32 sentences with a tenth of their words hidden; return its F1 on test.

    make_network(num_words) makes one; num_words counts PADDING and UNKNOWN, too.
    """
    raise NotImplementedError("learn")
