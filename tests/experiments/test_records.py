"""Outcomes on disk, and an old one beside a new one."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from lstm_ext.experiments import NAMES, Results, Spread, load
from lstm_ext.experiments.records import KEPT, Compared, Record, compare, differences, keep, past, published, spreads


def outcome(*values: float | None, quick: bool = True, k: int = 1, when: str = "2026-11-21T12:00:00") -> Record:
    """Of a variant "a", a run with x for each value."""
    seeds = tuple(range(len(values)))
    cells = {("a", seed): {"x": value, "l": [1.0, 2.0], "t": "text"} for seed, value in enumerate(values)}
    return Record("mine", Results({"a": {"k": k}}, seeds, cells, quick), when, "c avx2", "0.1.0", 3.5)


def test_an_outcome_is_read_as_it_was_written() -> None:
    record = outcome(1.23456789, None)
    read = Record.parse(record.text())
    assert read is not None and read.results.cells["a", 0] == {"x": 1.23457, "l": [1.0, 2.0], "t": "text"}
    assert replace(read, results=record.results) == record
    assert read.results.cells["a", 1]["x"] is None and read.results.seeds == (0, 1) and read.results.quick


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"runs": 3}', outcome(1.0, 2.0).text().replace('"seed": 1', '"seed": 7')]
)
def test_what_is_no_outcome_is_none(text: str) -> None:
    assert Record.parse(text) is None


def test_outcomes_are_kept_once_and_the_newest_first(tmp_path: Path) -> None:
    assert past(tmp_path, "mine") == []
    keep(tmp_path, outcome(1.0, when="2026-11-21T12:00:00"))
    keep(tmp_path, outcome(1.0, when="2026-11-21T13:00:00"))
    assert [record.when for record in past(tmp_path, "mine")] == ["2026-11-21T12:00:00"], "the same runs again"
    for day in range(1, KEPT + 3):
        keep(tmp_path, outcome(float(day), when=f"2026-12-{day:02}T12:00:00"))
    (tmp_path / "mine" / "2027-01-01T000000.json").write_text("damaged")
    known = past(tmp_path, "mine")
    assert len(known) == KEPT and known[0].when == f"2026-12-{KEPT + 2:02}T12:00:00"


def test_only_what_the_spreads_do_not_explain_is_called_a_difference() -> None:
    def verdict(old: tuple[float | None, ...], new: tuple[float | None, ...]) -> str:
        (one,) = compare(outcome(*old), outcome(*new))
        assert (one.variant, one.metric) == ("a", "x")
        return one.verdict

    assert verdict((1, 2, 3), (4, 5, 6)) == "higher"
    assert verdict((1, 2, 3), (0, 0.5)) == "lower"
    assert verdict((1, 2, 3), (3, 5, 6)) == "not shown", "the runs meet"
    assert verdict((1,), (2,)) == verdict((1, 2), (3,)) == "not shown", "one seed has no spread"
    assert verdict((1, 2), (1, 2)) == "same"
    assert verdict((1, 2), (None, None)) == "higher", "never is more than anything"
    assert compare(outcome(1.0, 2.0), outcome(1.0, None))[0].new == Spread(math.inf, 1.0, math.inf)


def test_where_runs_measured_lists_their_ends_are_compared() -> None:
    cells = {("a", seed): {"l": [9.0, float(seed)], "t": "x", "e": []} for seed in range(3)}
    assert spreads(Results({"a": {}}, (0, 1, 2), cells), "a") == {"last of l": Spread(1.0, 0.0, 2.0)}
    assert Compared("a", "x", Spread(1, 1, 1), Spread(2, 2, 2), True).verdict == "higher"


def test_what_was_not_the_same() -> None:
    assert differences(outcome(1, 2), outcome(1, 2)) == []
    new = replace(outcome(1, 2, 3, quick=False, k=2), version="0.2.0")
    assert differences(outcome(1, 2), new) == [
        "runs: quick, now full",
        "seeds: 2, now 3",
        "version: 0.1.0, now 0.2.0",
        "k: 1, now 2",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_package_has_an_outcome_of_every_experiment(name: str) -> None:
    record = published(name)
    assert record is not None and record.when == "" and record.results.quick and record.seconds > 0
    assert list(record.results.variants) == list(load(name).variants(True)), "make experiments measures it again"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_the_published_outcome_is_that_of_the_page(name: str) -> None:
    record = published(name)
    assert record is not None
    page = " ".join((Path(__file__).parents[2] / "docs" / "experiments" / f"{name}.md").read_text().split())
    for finding in load(name).report(record.results).findings:
        assert " ".join(finding.split()) in page
