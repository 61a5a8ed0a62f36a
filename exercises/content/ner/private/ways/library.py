"""Another right way: what the library has already."""

import numpy as np

from lstm_ext import OptimizerConfig, nn
from lstm_ext.tasks import bio
from lstm_ext.tasks.entities import EntityCorpus, most_frequent_tags
from lstm_ext.tasks.conll import Sentence

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")


def corpus(seed):
    names, rng = EntityCorpus(), np.random.default_rng(seed)
    return names.sentences(rng, 600), names.sentences(rng, 300, test=True)


class Network:
    def __init__(self, num_words, bidirectional=True, seed=0):
        self.model = nn.Tagger(num_words, 32, len(TAGS), embedding_size=32, bidirectional=bidirectional)
        self.model.build(seed=seed)
        self.optimizer = nn.Optimizer(self.model, OptimizerConfig(clip_norm=5.0), lr=0.01)

    def train(self, inputs, lengths, targets):
        self.model.train_step(inputs, lengths, targets, self.optimizer)

    def predict(self, inputs, lengths):
        return self.model.predict(inputs, lengths)


def is_valid(tags):
    return bio.first_invalid(list(tags)) is None


def spans(tags):
    return sorted((span.type, span.start, span.end) for span in bio.spans(list(tags)))


def span_scores(true, predicted):
    return tuple(bio.span_scores([list(t) for t in true], [list(p) for p in predicted])["all"])


def word_accuracy(predicted, targets):
    wrong = np.sum((predicted != targets) & (targets != -1))
    return 1 - wrong / np.sum(targets != -1)


def make_vocabulary(sentences):
    words = dict.fromkeys(word for sentence, _ in sentences for word in sentence)
    return dict(zip(words, range(2, 2 + len(words))))


def make_batch(sentences, words):
    inputs, lengths = nn.pad([[words.get(word, 1) for word in own] for own, _ in sentences])
    targets, _ = nn.pad([[TAGS.index(tag) for tag in tags] for _, tags in sentences], -1)
    return inputs, lengths, targets


def hide_words(rng, inputs, share):
    draws = rng.uniform(size=inputs.shape)
    inputs = inputs.copy()
    inputs[(draws >= 1 - share) & (inputs >= 1)] = 1
    return inputs


def tag_sentences(network, sentences, words):
    result = []
    for sentence in sentences:
        inputs, lengths, _ = make_batch([sentence], words)
        result.append([TAGS[number] for number in np.ravel(network.predict(inputs, lengths))])
    return result


def baseline(train, test):
    return most_frequent_tags([Sentence(*pair) for pair in train], [Sentence(*pair) for pair in test])


def learn(make_network, train, test, rng, updates):
    words = make_vocabulary(train)
    network = make_network(max(words.values()) + 1)
    for _ in range(updates):
        rows = rng.choice(len(train), 32, replace=False)
        inputs, lengths, targets = make_batch([train[row] for row in rows], words)
        network.train(hide_words(rng, inputs, 0.1), lengths, targets)
    return span_scores([tags for _, tags in test], tag_sentences(network, test, words))[2]
