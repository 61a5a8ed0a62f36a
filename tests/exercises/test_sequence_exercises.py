"""The solutions of the exercises on tagging and on translating sequences, beside what the library computes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lstm_ext.tasks import bio
from lstm_ext.tasks.conll import Sentence
from lstm_ext.tasks.entities import Coder, most_frequent_tags
from lstm_lab.exercises.catalogue import read_exercise
from lstm_lab.exercises.grading.inline import execute


def solution(identifier: str) -> Any:
    module = ModuleType(identifier)
    module.__file__ = f"{identifier}.py"
    assert execute(read_exercise(identifier).solution, module) is None
    return module


@pytest.mark.parametrize("seed", range(20))
def test_spans_and_their_scores_are_the_librarys_on_any_tags(seed: int) -> None:
    rng, module = np.random.default_rng(seed), solution("ner")
    true, said = ([list(map(str, rng.choice(module.TAGS, rng.integers(1, 9)))) for _ in range(15)] for _ in range(2))
    said = [(tags * 9)[: len(own)] for own, tags in zip(true, said, strict=True)]
    for tags in true:
        assert set(module.spans(tags)) == {(span.type, span.start, span.end) for span in bio.spans(tags)}
        assert module.is_valid(tags) == (bio.first_invalid(tags) is None)
    assert module.span_scores(true, said) == pytest.approx(tuple(bio.span_scores(true, said)["all"]))


def test_batches_and_the_baseline_are_the_librarys() -> None:
    module = solution("ner")
    train, test = module.corpus(3)
    coder = Coder(train)
    words = {word: number for number, word in enumerate(coder.words) if number > 1}
    inputs, lengths, targets = module.make_batch(test, words)
    asked = coder.encode(test)
    np.testing.assert_array_equal(inputs, asked.inputs)
    np.testing.assert_array_equal(lengths, asked.lengths)
    numbers = np.array([coder.tags.index(tag) for tag in module.TAGS] + [-1])
    np.testing.assert_array_equal(numbers[targets], asked.targets)
    ties_aside = [
        (mine, theirs)
        for sentence, mine, theirs in zip(
            test, module.baseline(train, test), most_frequent_tags(train, test), strict=True
        )
        if not set(sentence.words) & _tied(train)
    ]
    assert len(ties_aside) > 100
    assert all(mine == theirs for mine, theirs in ties_aside)


def _tied(train: list[Sentence]) -> set[str]:
    """Words that had two tags equally often."""
    counts: dict[str, dict[str, int]] = {}
    for words, tags in train:
        for word, tag in zip(words, tags, strict=True):
            own = counts.setdefault(word, {})
            own[tag] = own.get(tag, 0) + 1
    return {word for word, own in counts.items() if list(own.values()).count(max(own.values())) > 1}


def test_a_sentence_gets_the_same_tags_alone_and_in_a_batch() -> None:
    module = solution("ner")
    train, test = module.corpus(0)
    words = module.make_vocabulary(train)
    network = module.Network(len(words) + 2, seed=5)
    together = module.tag_sentences(network, test[:9], words)
    assert len({len(tags) for tags in together}) > 1
    for sentence, tags in zip(test[:9], together, strict=True):
        assert module.tag_sentences(network, [sentence], words) == [tags]


@pytest.mark.parametrize("H", [1, 3])
def test_the_gradients_of_encoder_and_decoder_are_finite_differences(H: int) -> None:
    rng, module = np.random.default_rng(H), solution("seq2seq")
    network = module.Seq2Seq(H)
    for name in network.WEIGHTS:
        setattr(network, name, rng.normal(0.0, 0.6, getattr(network, name).shape))
    inputs, lengths, targets = module.make_batch(rng, 3, True, 1, 4)

    def loss() -> float:
        return float(module.loss_and_gradient(network.forward(inputs, lengths, targets), targets)[0])

    _, dlogits = module.loss_and_gradient(network.forward(inputs, lengths, targets), targets)
    gradients = network.backward(dlogits)
    for name in network.WEIGHTS:
        weights, numerical = getattr(network, name), np.zeros_like(gradients[f"d{name}"])
        for place in np.ndindex(weights.shape):
            kept = weights[place]
            weights[place] = kept + 1e-5
            above = loss()
            weights[place] = kept - 1e-5
            numerical[place] = (above - loss()) / 2e-5
            weights[place] = kept
        np.testing.assert_allclose(gradients[f"d{name}"], numerical, atol=1e-8)


def test_what_is_written_is_the_likeliest_given_itself() -> None:
    rng, module = np.random.default_rng(1), solution("seq2seq")
    network = module.Seq2Seq(7)
    for name in network.WEIGHTS:
        setattr(network, name, rng.normal(0.0, 1.0, getattr(network, name).shape))
    inputs, lengths, _ = module.make_batch(rng, 20, False)
    written = network.greedy(inputs, lengths, 9)
    assert len({len(own) for own in written}) > 1
    for n, own in enumerate(written):
        targets = np.array([*own, module.END])[:, np.newaxis]
        logits = network.forward(inputs[: lengths[n], n : n + 1], lengths[n : n + 1], targets)
        expected = [*own, module.END] if len(own) < 9 else own
        assert logits[:, 0].argmax(axis=1)[: len(expected)].tolist() == expected
