"""Named entities: spans and scores, CoNLL files, sentences, their coding."""

from __future__ import annotations

from pathlib import Path

import pytest
from numpy.random import default_rng

from lstm_ext.errors import DataError
from lstm_ext.tasks import bio, conll, entities


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
    sentences = entities.EntityCorpus().sentences(default_rng(0), 30)
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
    train, test = corpus.sentences(default_rng(0), 800), corpus.sentences(default_rng(1), 800, test=True)
    assert all(bio.first_invalid(sentence.tags) is None for sentence in train + test)
    known = {word for sentence in train for word in sentence.words}
    new = {word for sentence in test for word in sentence.words} - known
    assert len(new) >= 25
    kinds = {kind for sentence in train for _, _, kind in bio.spans(sentence.tags)}
    assert kinds == {"PER", "LOC", "ORG"}


def test_entity_names_do_not_tell_their_type() -> None:
    corpus = entities.EntityCorpus()
    train, test = corpus.sentences(default_rng(0), 800), corpus.sentences(default_rng(1), 400, test=True)
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
