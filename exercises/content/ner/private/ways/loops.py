"""Another right way: loops and lists, a state machine for the spans, shuffled batches."""

import numpy as np

from lstm_ext import OptimizerConfig, nn
from lstm_ext.tasks.entities import EntityCorpus

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


def parts(tag):
    place, _, kind = tag.partition("-")
    return place, kind


def is_valid(tags):
    pairs = [parts(tag) for tag in tags]
    for index, (place, kind) in enumerate(pairs):
        if place == "I" and (index == 0 or pairs[index - 1][0] == "O" or pairs[index - 1][1] != kind):
            return False
    return True


def spans(tags):
    result = set()
    index = 0
    while index < len(tags):
        if tags[index] == "O":
            index += 1
            continue
        kind, end = tags[index].split("-")[1], index + 1
        while end < len(tags) and tags[end] == "I-" + kind:
            end += 1
        result.add((kind, index, end))
        index = end
    return result


def span_scores(true, predicted):
    wanted = {(n, *span) for n, tags in enumerate(true) for span in spans(tags)}
    found = {(n, *span) for n, tags in enumerate(predicted) for span in spans(tags)}
    right = len(wanted & found)
    if right == 0:
        return [0, 0, 0]
    precision, recall = right / len(found), right / len(wanted)
    return [precision, recall, 2 * precision * recall / (precision + recall)]


def word_accuracy(predicted, targets):
    right = total = 0
    for t in range(len(targets)):
        for n in range(len(targets[t])):
            if targets[t][n] != -1:
                total += 1
                right += bool(targets[t][n] == predicted[t][n])
    return right / total


def make_vocabulary(sentences):
    return {word: 2 + n for n, word in enumerate(sorted({word for pair in sentences for word in pair[0]}))}


def make_batch(sentences, words):
    lengths = [len(pair[0]) for pair in sentences]
    inputs, targets = [], []
    for t in range(max(lengths)):
        inputs.append([])
        targets.append([])
        for sentence, tags in sentences:
            if t < len(sentence):
                inputs[-1].append(words[sentence[t]] if sentence[t] in words else 1)
                targets[-1].append(TAGS.index(tags[t]))
            else:
                inputs[-1].append(0)
                targets[-1].append(-1)
    return np.array(inputs, np.int32), np.array(lengths, np.int32), np.array(targets, np.int32)


def hide_words(rng, inputs, share):
    result = inputs.copy()
    for t, n in np.argwhere(inputs > 0):
        if rng.random() < share:
            result[t, n] = 1
    return result


def tag_sentences(network, sentences, words):
    inputs, lengths, _ = make_batch(sentences, words)
    columns = np.asarray(network.predict(inputs, lengths)).T
    return [[TAGS[number] for number in column if number >= 0] for column in columns]


def baseline(train, test):
    table = {}
    for sentence, tags in train:
        for word, tag in zip(sentence, tags):
            row = table.setdefault(word, [0] * len(TAGS))
            row[TAGS.index(tag)] += 1
    result = []
    for sentence, _ in test:
        result.append([TAGS[int(np.argmax(table[word]))] if word in table else "O" for word in sentence])
    return result


def learn(make_network, train, test, rng, updates):
    words = make_vocabulary(train)
    network = make_network(2 + len(words))
    queue = []
    for _ in range(updates):
        if len(queue) < 32:
            queue = list(rng.permutation(len(train)))
        batch = [train[queue.pop()] for _ in range(32)]
        inputs, lengths, targets = make_batch(batch, words)
        network.train(hide_words(rng, inputs, 0.1), lengths, targets)
    true = [list(tags) for _, tags in test]
    predicted = []
    for start in range(0, len(test), 50):
        predicted += tag_sentences(network, test[start : start + 50], words)
    return span_scores(true, predicted)[2]
