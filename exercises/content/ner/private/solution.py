"""Day 14, exercise 4: named entities."""

from collections import Counter

import numpy as np

from lstm_ext import OptimizerConfig, nn
from lstm_ext.tasks.entities import EntityCorpus

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG")
PADDING, UNKNOWN = 0, 1


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
    previous = "O"
    for tag in tags:
        if tag[0] == "I" and tag[1:] != previous[1:]:
            return False
        previous = tag
    return True


def spans(tags):
    found = []
    start, kind = 0, ""
    for index, tag in enumerate([*tags, "O"]):
        if tag[0] == "I" and tag[2:] == kind:
            continue
        if kind:
            found.append((kind, start, index))
        start, kind = index, tag[2:]
    return found


def span_scores(true, predicted):
    right = named = there = 0
    for own, said in zip(true, predicted):
        wanted, found = set(spans(own)), set(spans(said))
        right += len(wanted & found)
        named += len(found)
        there += len(wanted)
    precision = right / named if named else 0.0
    recall = right / there if there else 0.0
    f1 = 2 * right / (named + there) if named + there else 0.0
    return precision, recall, f1


def word_accuracy(predicted, targets):
    counted = targets >= 0
    return np.mean(predicted[counted] == targets[counted])


def make_vocabulary(sentences):
    words = {}
    for sentence, _ in sentences:
        for word in sentence:
            words.setdefault(word, len(words) + 2)
    return words


def make_batch(sentences, words):
    lengths = np.array([len(sentence) for sentence, _ in sentences])
    inputs = np.full((max(lengths), len(sentences)), PADDING)
    targets = np.full((max(lengths), len(sentences)), -1)
    for n, (sentence, tags) in enumerate(sentences):
        inputs[: len(sentence), n] = [words.get(word, UNKNOWN) for word in sentence]
        targets[: len(sentence), n] = [TAGS.index(tag) for tag in tags]
    return inputs, lengths, targets


def hide_words(rng, inputs, share):
    hidden = (rng.random(inputs.shape) < share) & (inputs != PADDING)
    return np.where(hidden, UNKNOWN, inputs)


def tag_sentences(network, sentences, words):
    inputs, lengths, _ = make_batch(sentences, words)
    numbers = network.predict(inputs, lengths)
    return [[TAGS[number] for number in numbers[:length, n]] for n, length in enumerate(lengths)]


def baseline(train, test):
    counts = {}
    for sentence, tags in train:
        for word, tag in zip(sentence, tags):
            counts.setdefault(word, Counter())[tag] += 1
    usual = {word: max(own, key=own.get) for word, own in counts.items()}
    return [[usual.get(word, "O") for word in sentence] for sentence, _ in test]


def learn(make_network, train, test, rng, updates):
    words = make_vocabulary(train)
    network = make_network(len(words) + 2)
    for _ in range(updates):
        chosen = [train[index] for index in rng.integers(0, len(train), 32)]
        inputs, lengths, targets = make_batch(chosen, words)
        network.train(hide_words(rng, inputs, 0.1), lengths, targets)
    found = tag_sentences(network, test, words)
    return span_scores([tags for _, tags in test], found)[2]
