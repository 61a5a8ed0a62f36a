"""The programs of docs/your-own-data.md run as they stand, on small files, and learn."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import re
from pathlib import Path

import numpy as np
import pytest

from lstm_ext.tasks import dates, sentiment
from lstm_ext.tasks.conll import write_conll
from lstm_ext.tasks.entities import EntityCorpus

PAGE = (Path(__file__).parent.parent / "docs" / "your-own-data.md").read_text(encoding="utf-8")
TAGGER, CLASSIFIER, FORECAST, PAIRS, CONVERSION, TORCH, KERAS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, object], str]:
    """The program's names, and what it printed."""
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "your-own-data.md", "exec"), names)
    return names, printed.getvalue()


def test_a_tagger_from_a_conll_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_conll(tmp_path / "train.conll", EntityCorpus(names=30).sentences(np.random.default_rng(0), 400))
    names, _ = run(TAGGER, tmp_path, monkeypatch)
    scores = names["span_scores"]([s.tags for s in names["test"]], names["found"])["all"]  # type: ignore[operator, attr-defined]
    assert scores.f1 > 0.7 and (tmp_path / "tagger.safetensors").exists()


def test_a_classifier_of_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reviews = sentiment.PlainReviews().batch(np.random.default_rng(0), 400)
    lines = zip(reviews.targets, sentiment.sentences(reviews), strict=True)
    text = "".join(f"{'good' if label else 'bad'}\t{' '.join(words)}\n" for label, words in lines)
    (tmp_path / "reviews.tsv").write_text(text, encoding="utf-8")
    names, _ = run(CLASSIFIER, tmp_path, monkeypatch)
    assert names["right"].mean() > 0.9 and (tmp_path / "classifier.safetensors").exists()  # type: ignore[attr-defined]


def test_a_forecast_in_the_files_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = np.arange(1500)
    values = 12 + 6 * np.sin(2 * np.pi * hours / 24) + np.random.default_rng(0).normal(0, 0.3, len(hours))
    with open(tmp_path / "weather.csv", "w", newline="") as file:
        csv.writer(file).writerows([("hour", "temperature"), *zip(hours, values.round(2), strict=True)])
    names, printed = run(FORECAST, tmp_path, monkeypatch)
    expected = 12 + 6 * np.sin(2 * np.pi * np.arange(1500, 1512) / 24)
    assert np.abs(names["coming"] - expected).max() < 2  # type: ignore[operator]
    assert "in the file's unit" in printed and "persistence" in printed


def test_from_one_sequence_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = dates.Dates(2000, 2009).batch(np.random.default_rng(0), 300)
    lanes = zip(batch.inputs.T, batch.targets.T, strict=True)
    text = "".join(f"{dates.source_text(question)}\t{dates.target_text(answer)}\n" for question, answer in lanes)
    (tmp_path / "pairs.tsv").write_text(text, encoding="utf-8")
    names, printed = run(PAIRS, tmp_path, monkeypatch)
    assert all(re.fullmatch(r"[-0-9]*", names["target"].decode(own - 1)) for own in names["written"])  # type: ignore[attr-defined]
    assert "answered exactly" in printed and "→" in printed


def test_weights_to_pytorch_and_keras_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = CONVERSION
    for package, part in (("torch", TORCH), ("keras", KERAS)):
        if importlib.util.find_spec(package):
            code += part
    _, printed = run(code, tmp_path, monkeypatch)
    assert "reader.rnn.weight_ih_l0 (256, 32)" in printed
