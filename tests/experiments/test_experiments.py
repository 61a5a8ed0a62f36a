"""Every experiment: its variants are plain settings, and a report can be made of whatever it measures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lstm_ext.data import load_text
from lstm_ext.errors import DataError
from lstm_ext.experiments import NAMES, Report, Results, load
from lstm_ext.experiments.export import report_lines, save
from lstm_ext.experiments.learning import (
    TextExperiment,
)
from lstm_ext.experiments.runner import plain


def text_of(report: Report, width: int = 80) -> str:
    return "\n".join("".join(text for text, _ in line) for line in report_lines(report, width, "ascii"))


#: Settings that say how much work a run is, and as little of it as the reports can be made of.
LITTLE: dict[str, Any] = {
    "limit": 50,
    "updates": 24,
    "checkpoints": [2, 4],
    "hidden_size": 8,
    "seconds": 0.0,
    "sizes": [(8, 1, 5), (8, 2, 5), (8, 3, 5)],
    "drawn": 200,
    "learned": 1000,
    "validated": 400,
}


def little(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {**settings, **{name: value for name, value in LITTLE.items() if name in settings}}


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_variants_are_plain_settings(name: str, quick: bool) -> None:
    experiment = load(name)
    variants = experiment.variants(quick)
    assert experiment.name == name and experiment.question.endswith("?") and len(variants) >= 1
    for settings in variants.values():
        assert json.loads(json.dumps(settings)) == plain(dict(settings))
    assert len({json.dumps(settings, sort_keys=True) for settings in variants.values()}) == len(variants)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "quick"),
    [(name, True) for name in NAMES]
    # Those whose reports differ.
    + [(name, False) for name in ("ablation", "classics", "lstm-vs-gru", "memory", "seq2seq")],
)
def test_every_experiment_measures_and_reports(name: str, quick: bool, tmp_path: Path) -> None:
    """With so little training no conclusion is right; but all of them must be drawn, from whatever came out."""
    experiment = load(name)
    if isinstance(experiment, TextExperiment):
        play = load_text("shakespeare")
        (tmp_path / "text.txt").write_text(play.vocabulary.decode(play.symbols[:30_000]), encoding="utf-8")
        experiment = load(name, str(tmp_path / "text.txt"))
    variants = {label: little(settings) for label, settings in experiment.variants(quick).items()}
    numbers = {(label, 0): plain(experiment.measure(settings, 0)) for label, settings in variants.items()}
    label = next(iter(variants))
    assert plain(experiment.measure(variants[label], 0)) == numbers[label, 0], "the same seed gave other numbers"
    others = (plain(experiment.measure(settings, 1)) != numbers[label, 0] for label, settings in variants.items())
    assert any(others), "the seed changes nothing"

    results = Results(variants, (0,), numbers, quick)
    report = experiment.report(results)
    printed = text_of(report)
    assert report.findings and report.tables and report.charts
    assert not [word for word in ("nan", "inf", "None") if word in printed.replace("\n", " ").split()]
    assert "nan" not in " ".join(claim.verdict for claim in report.claims)
    assert max(len(line) for line in printed.splitlines()) <= 80
    for path in save(tmp_path, experiment, results, report):
        assert path.stat().st_size > 100
    page = (tmp_path / f"{name}.md").read_text()
    assert experiment.question in page and report.findings[0][:40] in " ".join(page.split())
    assert all(claim.verdict in page for claim in report.claims)


def test_unknown_experiments_and_data() -> None:
    with pytest.raises(ValueError, match="got 'memroy'; did you mean 'memory'"):
        load("memroy")
    with pytest.raises(ValueError, match="the experiment 'memory' makes its own data"):
        load("memory", "file.txt")


def test_texts_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("to be or not to be, " * 100)
    settings = load("depth", str(path)).variants(True)["1 × 64, as wide"]
    assert settings["characters"] == 2000 and settings["text"] == str(path)
    assert settings["sha256"] != load("depth").variants(True)["1 × 64, as wide"]["sha256"]
    short = tmp_path / "short.txt"
    short.write_text("short")
    with pytest.raises(DataError, match="too short to keep some for validation"):
        load("baselines", str(short)).run_one("RNN 128", 0, quick=True)
