"""Tasks: what their data has to be for a network's score to mean anything."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_ext.errors import DataError
from lstm_ext.tasks import (
    adding,
    bio,
    characters,
    conll,
    counting,
    csv_file,
    dates,
    entities,
    reber,
    sentiment,
    series,
)
from lstm_ext.tasks.copy_memory import CopyMemory
from lstm_ext.tasks.first_character import FILLERS, FirstCharacter
from lstm_ext.tasks.last_symbol import LastSymbol
from lstm_ext.tasks.pairs import END, exact_matches, pair_baselines, pairs
from lstm_ext.tasks.reversal import Reversal
from lstm_ext.tasks.symbols import SymbolTask, accuracy, balanced

SYMBOL_TASKS: tuple[SymbolTask, ...] = (
    *(FirstCharacter(7, filler) for filler in FILLERS),
    CopyMemory(9),
    LastSymbol(13),
    counting.CountSinceReset(17),
    reber.EmbeddedReber(),
)
GENERATORS: tuple[Callable[[np.random.Generator], Any], ...] = (
    *(lambda rng, task=task: task.batch(rng, 12) for task in SYMBOL_TASKS),
    lambda rng: adding.Adding(11).batch(rng, 12),
    lambda rng: sentiment.PlainReviews().batch(rng, 12),
    lambda rng: sentiment.NegatedReviews().batch(rng, 12),
    lambda rng: series.SineWaves(frequency=(0.7, 1.5), noise=0.1).batch(rng, 12),
    lambda rng: Reversal().batch(rng, 12),
    lambda rng: dates.Dates().batch(rng, 12),
)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def same(a: Any, b: Any) -> bool:
    return np.array_equal(a.inputs, b.inputs) and np.array_equal(a.targets, b.targets)


@pytest.mark.parametrize("generate", GENERATORS)
def test_a_seed_fixes_the_data_and_every_call_gives_new_data(generate: Callable[[np.random.Generator], Any]) -> None:
    generator = rng(3)
    first = generate(generator)
    assert same(first, generate(rng(3)))
    assert not same(first, generate(generator))


@pytest.mark.parametrize("task", SYMBOL_TASKS)
def test_symbols_are_in_range(task: SymbolTask) -> None:
    batch = task.batch(rng(), 50)
    assert batch.inputs.dtype == batch.targets.dtype == np.int32
    assert batch.inputs.shape == batch.targets.shape
    assert batch.inputs.min() >= 0 and batch.inputs.max() == task.input_size - 1
    assert batch.targets.min() >= -1 and batch.targets.max() == task.output_size - 1


def test_balanced_differs_by_at_most_one_and_no_class_is_favoured() -> None:
    counts = np.array([np.bincount(balanced(rng(seed), 23, 10), minlength=10) for seed in range(400)])
    assert counts.min() == 2 and counts.max() == 3
    assert abs(counts.mean(axis=0) - 2.3).max() < 0.1


# ------------------------------------------------------------------------- first character


@pytest.mark.parametrize("filler", FILLERS)
def test_first_character_has_distance_fillers_and_one_target(filler: str) -> None:
    task = FirstCharacter(6, filler)
    inputs, _, targets = task.batch(rng(), 40)
    assert inputs.shape == (8, 40)
    assert (targets[:-1] == -1).all() and (targets[-1] == inputs[0]).all()
    assert (inputs[-1] == task.query).all() and (inputs[:-1] != task.query).all()
    assert (np.bincount(targets[-1]) == 4).all()


@pytest.mark.parametrize(
    ("filler", "expected"), [("blank", {10}), ("noise", set(range(10, 15))), ("same", set(range(10)))]
)
def test_first_character_fillers_are_of_the_alphabet_that_their_name_says(filler: str, expected: set[int]) -> None:
    inputs, _, _ = FirstCharacter(20, filler).batch(rng(), 100)
    assert set(inputs[1:-1].ravel().tolist()) == expected


def test_first_character_answer_cannot_be_told_from_the_fillers() -> None:
    inputs, _, targets = FirstCharacter(1, "same", classes=4).batch(rng(), 40_000)
    together = np.zeros((4, 4))
    np.add.at(together, (inputs[1], targets[-1]), 1)
    assert abs(together / 40_000 - 1 / 16).max() < 0.005


def test_first_character_refuses_an_unnamed_filler() -> None:
    with pytest.raises(ValueError, match="filler: got 'random', expected one of blank, noise, same"):
        FirstCharacter(5, "random")


# -------------------------------------------------------------------------- other memories


def test_copy_memory_by_hand() -> None:
    task = CopyMemory(3, length=2, classes=5)
    inputs, _, targets = task.batch(rng(), 6)
    a, b = inputs[:2]
    zero = np.zeros(6)
    np.testing.assert_array_equal(inputs, [a, b, zero, zero, zero + 6, zero, zero])
    np.testing.assert_array_equal(targets, [zero, zero, zero, zero, zero, a, b])
    np.testing.assert_array_equal(task.recalled(targets), [zero - 1] * 5 + [a, b])


@pytest.mark.parametrize(("delay", "nats"), [(100, 0.173), (200, 0.0945), (500, 0.0400), (1000, 0.0204)])
def test_copy_memory_baseline_is_the_published_one(delay: int, nats: float) -> None:
    assert CopyMemory(delay).baseline_nats() == pytest.approx(nats, abs=5e-5 if delay > 100 else 5e-4)


def test_copy_memory_baseline_is_what_a_forgetful_optimum_costs() -> None:
    task = CopyMemory(20)
    _, _, targets = task.batch(rng(), 3)
    probability = np.where(np.arange(40)[:, np.newaxis] < 30, 1.0, 1 / 8) * np.ones(targets.shape)
    assert -np.log(probability).mean() == pytest.approx(task.baseline_nats())


def test_last_symbol_is_the_last_letter() -> None:
    task = LastSymbol(15, density=0.3)
    inputs, _, targets = task.batch(rng(), 200)
    assert (targets[:-1] == -1).all()
    for lane in range(200):
        letters = [s for s in inputs[:-1, lane] if s < 10]
        assert inputs[0, lane] < 10 and letters[-1] == targets[-1, lane]
    assert (np.bincount(targets[-1]) == 20).all()


def test_last_symbol_baseline_is_how_often_the_first_letter_is_right() -> None:
    task = LastSymbol(8, density=0.2)
    inputs, _, targets = task.batch(rng(), 50_000)
    assert np.mean(inputs[0] == targets[-1]) == pytest.approx(task.baselines()["first letter"], abs=0.01)


def test_counting_by_hand() -> None:
    class Scripted:
        def choice(self, *_: Any, **__: Any) -> np.ndarray:
            return np.array([[0, 0, 1, 0, 2, 1, 0, 0, 0, 0]]).T

    _, _, targets = counting.CountSinceReset(10, max_count=3).batch(Scripted(), 1)  # type: ignore[arg-type]
    assert targets[:, 0].tolist() == [1, 2, 2, 3, 0, 0, 1, 2, 3, 3]


def test_counting_baselines_are_exact() -> None:
    task = counting.CountSinceReset(12, max_count=4)
    inputs, _, targets = task.batch(rng(), 60_000)
    joint = np.zeros((3, 5))
    np.add.at(joint, (inputs.ravel(), targets.ravel()), 1 / targets.size)
    baselines = task.baselines()
    assert baselines["likeliest"] == pytest.approx(joint.sum(axis=0).max(), abs=0.005)
    assert baselines["by the present symbol"] == pytest.approx(joint.max(axis=1).sum(), abs=0.005)


# ----------------------------------------------------------------------------------- Reber


def test_reber_strings_are_of_the_grammar() -> None:
    tail = "(XT*VP)*(XT*VV|S)"
    grammar = re.compile(f"B([TP])B(TS*X{tail}|PT*V(V|P{tail}))E\\1E")
    inputs, lengths, targets = reber.EmbeddedReber().batch(rng(), 300)
    assert lengths is not None
    for lane, length in enumerate(lengths):
        string = "".join(reber.LETTERS[s] for s in [*inputs[:length, lane], targets[length - 1, lane]])
        assert grammar.fullmatch(string), string
        assert (inputs[1:length, lane] == targets[: length - 1, lane]).all()
        assert (targets[length:, lane] == -1).all() and (inputs[length:, lane] == 0).all()


def test_reber_knows_what_is_legal_where() -> None:
    task = reber.EmbeddedReber()
    batch = task.batch(rng(1), 200)
    legal = task.legal(batch)
    followers: dict[tuple[str, ...], set[str]] = {}
    for lane in range(200):
        targets = batch.targets[batch.targets[:, lane] >= 0, lane]
        for step, target in enumerate(targets):
            allowed = {reber.LETTERS[letter] for letter in np.flatnonzero(legal[step, lane])}
            before = tuple(reber.LETTERS[s] for s in batch.inputs[: step + 1, lane])
            followers.setdefault(before, set()).add(reber.LETTERS[target])
            assert followers[before] <= allowed
        assert not legal[len(targets) :, lane].any()
        # The last letter but one is known only to who remembers the second one.
        assert targets[-2] == targets[0] and legal[len(targets) - 2, lane].sum() == 1
        assert task.recalled(batch)[:, lane].max() == targets[-2]
    assert (task.recalled(batch) >= 0).sum() == 200
    often = {before for before in followers if len(before) < 5}
    assert all(len(followers[before]) == 2 for before in often if len(before) in (1, 3, 4))


def test_reber_best_loss_is_that_of_the_grammar() -> None:
    task = reber.EmbeddedReber()
    batch = task.batch(rng(2), 8_000)
    counted = batch.targets >= 0
    best = task.best_nats()
    nats = np.log(task.legal(batch).sum(axis=2)[counted]).mean()
    assert best["with memory"] == pytest.approx(nats, abs=0.006)
    assert best["without"] - best["with memory"] == pytest.approx(math.log(2) * 8_000 / counted.sum(), rel=0.03)


def test_reber_counts_a_string_only_if_every_step_is_right() -> None:
    task = reber.EmbeddedReber()
    batch = task.batch(rng(), 4)
    logits = task.legal(batch).astype(float)
    assert task.learned(logits, batch) == 1
    logits[np.count_nonzero(batch.targets[:, 0] >= 0) - 2, 0] = 0.5  # all alike at the place that takes memory
    assert task.learned(logits, batch) == 0.75


# ------------------------------------------------------------------------- numbers, reviews


def test_adding_marks_one_number_in_each_half() -> None:
    x, _, sums = adding.Adding(9).batch(rng(), 300)
    marks = x[:, :, 1]
    assert set(np.unique(marks)) == {0, 1}
    assert (marks[:4].sum(axis=0) == 1).all() and (marks[4:].sum(axis=0) == 1).all()
    np.testing.assert_allclose(sums[:, 0], (x[:, :, 0] * marks).sum(axis=0))


def test_adding_baseline_is_the_variance_of_a_sum() -> None:
    task = adding.Adding(20)
    _, _, sums = task.batch(rng(), 100_000)
    assert np.mean((sums - 1) ** 2) == pytest.approx(task.baselines()["always 1"], abs=0.002)


def test_plain_reviews_follow_their_words_and_no_word_is_padding() -> None:
    reviews = sentiment.PlainReviews().batch(rng(), 500)
    assert reviews.lengths is not None
    for words, length, label in zip(sentiment.sentences(reviews), reviews.lengths, reviews.targets, strict=True):
        good = sum(word in sentiment.POSITIVE for word in words)
        bad = sum(word in sentiment.NEGATIVE for word in words)
        assert (good > 0) == bool(label) and (good == 0) == (bad > 0) and 2 <= good + bad <= 3
        assert 3 <= length - good - bad <= 6 and length == len(words)
    places = np.arange(len(reviews.inputs))[:, np.newaxis]
    assert ((reviews.inputs > 0) == (places < reviews.lengths)).all()
    assert reviews.targets.sum() == 250
    assert set(np.unique(reviews.inputs)) == set(range(len(sentiment.WORDS) - 1))  # no "not"


def meaning(words: list[str]) -> int:
    """The label of a negated review, read as its docstring says."""
    turned, votes = False, 0
    for word in words:
        if word == "not":
            turned = True
        elif word in (*sentiment.POSITIVE, *sentiment.NEGATIVE):
            votes += 1 if (word in sentiment.POSITIVE) != turned else -1
            turned = False
    return int(votes > 0)


def test_negated_reviews_mean_what_they_say() -> None:
    reviews = sentiment.NegatedReviews().batch(rng(), 500)
    assert [meaning(words) for words in sentiment.sentences(reviews)] == reviews.targets.tolist()
    assert reviews.targets.sum() == 250


def test_negated_reviews_leave_nothing_to_a_bag_of_words() -> None:
    reviews = sentiment.NegatedReviews().batch(rng(), 12_000)
    good_words = ((reviews.inputs >= 1) & (reviews.inputs <= 10)).sum(axis=0)
    nots = (reviews.inputs == sentiment.WORDS.index("not")).sum(axis=0)
    assert set(np.unique(nots)) == {3}
    for count in range(4):
        assert reviews.targets[good_words == count].mean() == pytest.approx(0.5, abs=0.04)
    for length in np.unique(reviews.lengths):
        chosen = reviews.targets[reviews.lengths == length]
        assert len(chosen) < 500 or chosen.mean() == pytest.approx(0.5, abs=0.07)


# -------------------------------------------------------------------------------- entities


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("O O", set()),
        ("B-PER I-PER O B-LOC", {(0, 2, "PER"), (3, 4, "LOC")}),
        ("B-PER B-PER", {(0, 1, "PER"), (1, 2, "PER")}),
        ("O I-ORG I-ORG", {(1, 3, "ORG")}),
        ("B-PER I-LOC", {(0, 1, "PER"), (1, 2, "LOC")}),
        ("I-A I-A B-A I-B", {(0, 2, "A"), (2, 3, "A"), (3, 4, "B")}),
    ],
)
def test_spans(tags: str, expected: set[tuple[int, int, str]]) -> None:
    assert bio.spans(tags.split()) == expected


@pytest.mark.parametrize(
    ("tags", "place"), [("O B-X I-X O", None), ("I-X", 0), ("B-X O I-X", 2), ("B-X I-Y", 1), ("B-X B-X I-X", None)]
)
def test_first_invalid(tags: str, place: int | None) -> None:
    assert bio.first_invalid(tags.split()) == place
    assert bio.first_invalid(bio.repaired(tags.split())) is None


def test_span_scores_by_hand() -> None:
    true = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O"]]
    predicted = [["B-PER", "O", "O", "B-LOC"], ["B-ORG", "B-LOC"]]
    scores = bio.span_scores(true, predicted)
    # 4 predicted, 3 true, 2 of them found: Maria alone is not the person, and one place is made up.
    assert scores["all"] == pytest.approx((2 / 4, 2 / 3, 4 / 7))
    assert scores["PER"] == (0, 0, 0)
    assert scores["LOC"] == pytest.approx((1 / 2, 1, 2 / 3))
    assert scores["ORG"] == (1, 1, 1)
    assert list(scores) == ["all", "LOC", "ORG", "PER"]
    assert bio.span_scores([["O"]], [["O"]])["all"] == (0, 0, 0)


def test_conll_files_come_back_as_written(tmp_path: Path) -> None:
    sentences = entities.EntityCorpus().sentences(rng(), 30)
    conll.write_conll(tmp_path / "a.conll", sentences)
    assert conll.read_conll(tmp_path / "a.conll") == sentences


def test_conll_reads_columns_document_marks_and_iob1(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text(
        "\ufeff-DOCSTART- -X- O O\n\n\nU.N. NNP I-NP I-ORG\nman\tNN\tI-NP\tO\r\n\n"
        "Ann NNP I-NP I-PER\nBo NNP I-NP B-PER\n", encoding="utf-8"
    )  # fmt: skip
    assert conll.read_conll(path, repair=True) == [
        (("U.N.", "man"), ("B-ORG", "O")),
        (("Ann", "Bo"), ("B-PER", "B-PER")),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a O\nb\n", "f:2: got 'b' alone, expected a word and its tag"),
        ("a O\n\nb X-PER\n", "f:3: tag 'X-PER': expected O, B-TYPE or I-TYPE"),
        ("a O\n\nb O\nc I-PER\n", "f:4: I-PER after O is not valid BIO"),
        ("\n\na I-PER\n", "f:3: I-PER after the sentence's beginning is not valid BIO"),
        ("a B-\n", "f:1: tag 'B-': expected"),
        ("\n-DOCSTART- O\n\n", "f: has no sentences"),
    ],
)
def test_conll_errors_name_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f").write_text(text)
    with pytest.raises(DataError) as error:
        conll.read_conll("f")
    assert str(error.value).startswith(message) and "\n" not in str(error.value)


def test_conll_errors_of_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No such file"):
        conll.read_conll(tmp_path / "none")
    (tmp_path / "latin").write_bytes(b"caf\xe9 O\n")
    with pytest.raises(DataError, match=r"byte 0xe9 at offset 3 is not UTF-8"):
        conll.read_conll(tmp_path / "latin")


def test_entity_sentences_are_valid_and_test_ones_have_unseen_names() -> None:
    corpus = entities.EntityCorpus()
    train, test = corpus.sentences(rng(), 800), corpus.sentences(rng(1), 800, test=True)
    assert all(bio.first_invalid(sentence.tags) is None for sentence in train + test)
    known = {word for sentence in train for word in sentence.words}
    new = {word for sentence in test for word in sentence.words} - known
    assert len(new) >= 25
    kinds = {kind for sentence in train for _, _, kind in bio.spans(sentence.tags)}
    assert kinds == {"PER", "LOC", "ORG"}


def test_entity_names_do_not_tell_their_type() -> None:
    corpus = entities.EntityCorpus()
    train, test = corpus.sentences(rng(), 800), corpus.sentences(rng(1), 400, test=True)
    counted = bio.span_scores([s.tags for s in test], entities.most_frequent_tags(train, test))["all"]
    assert 0.1 < counted.f1 < 0.6


def test_most_frequent_tags_by_hand() -> None:
    train = [conll.Sentence(("x", "y", "x"), ("B-A", "O", "B-A")), conll.Sentence(("x", "y"), ("O", "B-A"))]
    assert entities.most_frequent_tags(train, [conll.Sentence(("x", "y", "z"), ("O",) * 3)]) == [["B-A", "B-A", "O"]]


def test_coder_pads_and_marks_unseen_words() -> None:
    coder = entities.Coder([conll.Sentence(("b", "a"), ("O", "B-X"))])
    batch = coder.encode([conll.Sentence(("a",), ("B-X",)), conll.Sentence(("new", "b", "a"), ("B-Y", "O", "B-X"))])
    assert batch.inputs.T.tolist() == [[2, 0, 0], [1, 3, 2]]
    assert batch.targets.T.tolist() == [[1, -1, -1], [0, 0, 1]]
    assert coder.decode(batch.targets) == [["B-X"], ["O", "O", "B-X"]]


# --------------------------------------------------------------------------------- series


def test_sine_waves_continue_themselves() -> None:
    past, _, future = series.SineWaves(past=30, future=7).batch(rng(), 5)
    assert past.shape == (30, 5, 1) and future.shape == (7, 5, 1)
    values = np.concatenate([past, future])
    # x[t+1] = 2·cos(ω)·x[t] − x[t−1] for any phase
    np.testing.assert_allclose(values[2:], 2 * np.cos(2 * np.pi / 29.5) * values[1:-1] - values[:-2], atol=1e-12)


def test_sine_waves_draw_one_frequency_per_window_and_noise_of_the_size_asked_for() -> None:
    past, _, future = series.SineWaves(frequency=(0.7, 1.5)).batch(rng(), 4000)
    values = np.concatenate([past, future])
    cosine = (values[2:] + values[:-2])[10] / (2 * values[11])
    frequency = np.arccos(np.clip(cosine, -1, 1)) * 29.5 / (2 * np.pi)
    assert np.quantile(frequency, (0.01, 0.5, 0.99)) == pytest.approx((0.708, 1.1, 1.492), abs=0.03)
    noisy = series.SineWaves(noise=0.1).batch(rng(5), 4000)
    clean = series.SineWaves().batch(rng(5), 4000)
    assert np.std(noisy.targets - clean.targets) == pytest.approx(0.1, abs=0.002)


def test_forecast_baselines_of_sine_waves() -> None:
    waves = series.SineWaves()
    errors = series.forecast_baselines(waves.batch(rng(), 500), waves.batch(rng(1), 2000))
    assert errors["mean"] == pytest.approx(0.5, abs=0.02)
    assert errors["persistence"] == pytest.approx(0.68, abs=0.03)
    assert errors["linear-2"] < 1e-20
    random = series.SineWaves(frequency=(0.7, 1.5))
    errors = series.forecast_baselines(random.batch(rng(), 2000), random.batch(rng(1), 2000))
    assert 0.03 < errors["linear-2"] < 0.12 and errors["linear-20"] < 1e-5


def test_a_series_is_split_by_time_and_scaled_by_its_first_part() -> None:
    values = np.concatenate([np.arange(80.0), np.full(20, 1e6)])
    split = series.SplitSeries(values, past=5, future=3, test=0.2)
    assert (split.mean, split.deviation) == (39.5, np.arange(80.0).std())
    train = split.batch(rng(), 500)
    back = np.concatenate([train.inputs, train.targets]) * split.deviation + split.mean
    assert back.max() == pytest.approx(79) and back.min() == pytest.approx(0)
    np.testing.assert_allclose(np.diff(back, axis=0), 1)
    test = split.test()
    assert test.inputs.shape == (5, 18, 1)
    future = test.targets * split.deviation + split.mean
    np.testing.assert_allclose(future, 1e6)  # never a value that was learned from
    np.testing.assert_allclose(test.inputs[:, 0, 0] * split.deviation + split.mean, np.arange(75, 80))


def test_a_short_series_is_refused() -> None:
    with pytest.raises(DataError, match=r"has 70 values, too few for windows of 50 \+ 10"):
        series.SplitSeries(np.arange(70.0))


def test_csv_series(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("day;min;max\nMon;1,5;2\nTue;3;4\n")
    assert csv_file.read_csv_series(path)[0] == "max"
    np.testing.assert_array_equal(csv_file.read_csv_series(path)[1], [2, 4])
    path.write_text("1,2\n3,4\n\n5,6e1\n")
    name, values = csv_file.read_csv_series(path)
    assert name == "column 2" and values.tolist() == [2, 4, 60]
    path.write_text("a,b\n1,2\n3,4\n")
    assert csv_file.read_csv_series(path, "a")[1].tolist() == [1, 3]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a,b\n1,2\n3,x\n", None, "f:3: got 'x', expected a finite number"),
        ("a,b\n1,2\n3\n", None, "f:3: got '', expected a finite number"),
        ("a\n1\nnan\n", None, "f:3: got 'nan', expected a finite number"),
        ("a,b\n1,2\n", "c", "f: has no column 'c', only a, b"),
        ("a\nx\ny\n", None, "f: has no column of numbers"),
        ("a\n", None, "f: has 1 lines, expected a series"),
    ],
)
def test_csv_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, column: str | None, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f").write_text(text)
    with pytest.raises(DataError) as error:
        csv_file.read_csv_series("f", column)
    assert str(error.value) == message


# ------------------------------------------------------------------------ sequence to sequence


def test_pairs_are_packed_with_an_end() -> None:
    inputs, lengths, targets = pairs([[5, 6, 7], [8]], [[9], [4, 5]])
    assert inputs.T.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert lengths is not None and lengths.tolist() == [3, 1]
    assert targets.T.tolist() == [[9, END, -1], [4, 5, END]]


def test_exact_matches_need_every_symbol_and_the_end() -> None:
    targets = np.array([[4, 4, 4], [END, 5, END], [-1, END, -1]])
    assert exact_matches([np.array([4]), np.array([4, 5]), np.array([4])], targets) == 1
    assert exact_matches([np.array([4, 4]), np.array([4]), np.array([])], targets) == 0
    assert exact_matches([np.array([4]), np.array([5, 4]), np.array([4, 5])], targets) == pytest.approx(1 / 3)


def test_reversal() -> None:
    task = Reversal(shortest=2, longest=5, symbols=4)
    inputs, lengths, targets = task.batch(rng(), 100)
    assert lengths is not None and set(lengths) == {2, 3, 4, 5}
    for lane, length in enumerate(lengths):
        question = inputs[:length, lane]
        assert targets[: length + 1, lane].tolist() == [*question[::-1], END]
        assert question.min() >= 1 and question.max() < task.source_size and targets.max() < task.target_size


def test_pair_baselines() -> None:
    train = pairs([[3]] * 3, [[4, 5], [4, 6], [4, 6]])
    test = pairs([[3]] * 2, [[4, 6], [5, 5]])
    # "4, 6, END" is right in all three places of the first, in one of the second.
    assert pair_baselines(train, test) == {"usual symbol": 4 / 6, "usual answer": 0.5}


def test_dates_say_the_same_day_in_both_ways() -> None:
    inputs, _, targets = dates.Dates().batch(rng(), 300)
    formats = ("%d %B %Y", "%B %d, %Y", "%b %d, %Y", "%A, %d %B %Y", "%Y %B %d", "%d.%m.%Y")
    used, days = set(), set()
    for question, answer in zip(inputs.T, targets.T, strict=True):
        day = datetime.date.fromisoformat(dates.target_text(answer))
        days.add(day)
        for way in formats:
            try:
                read = datetime.datetime.strptime(dates.source_text(question), way).date()
            except ValueError:
                continue
            assert read == day
            used.add(way)
    assert used == set(formats) and len(days) > 290
    assert inputs.max() < dates.Dates().source_size and targets.max() < dates.Dates().target_size


# ------------------------------------------------------------------------------- characters


def test_patterns() -> None:
    text = characters.pattern_text("abc", 8)
    assert text.vocabulary.decode(text.symbols) == "abcabcab" and text.name == "abc"
    alphabet, (inputs, _, targets) = characters.word_windows("hello")
    assert alphabet == " ehlo"
    assert "".join(alphabet[s] for s in inputs[:, 0]) == "hello"
    assert "".join(alphabet[s] for s in targets[:, 0]) == "ello "
    assert inputs[2, 0] == inputs[3, 0]  # the two l are one symbol


def test_random_windows_reach_the_last_character() -> None:
    symbols = np.arange(20)
    inputs, _, targets = characters.random_windows(symbols, 7, rng(), 500)
    np.testing.assert_array_equal(targets, inputs + 1)
    assert inputs.min() == 0 and targets.max() == 19
    with pytest.raises(DataError, match="has 7 characters, expected more than seq_length, 7"):
        characters.random_windows(np.arange(7), 7, rng(), 1)


def test_accuracy_counts_only_what_is_asked() -> None:
    logits = np.eye(3)[[[0, 1], [2, 2]]]
    assert accuracy(logits, np.array([[0, -1], [2, 1]])) == pytest.approx(2 / 3)
    assert math.isnan(accuracy(logits, np.full((2, 2), -1)))
