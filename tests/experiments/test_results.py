"""Results: medians and extremes, JSON and CSV, tables and charts."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import pytest
from experiments.counting import Counting

from lstm_ext.experiments import Results, Spread, Table
from lstm_ext.experiments.charts import Bar, BarChart, Curve, LineChart, chart_lines, ranking, save_charts
from lstm_ext.experiments.export import as_csv, as_json, as_page, table_lines
from lstm_ext.experiments.words import listed, number

RESULTS = Results(
    {"a": {"k": 1}, "b": {"k": 2}},
    (0, 1, 2),
    {
        **{("a", seed): {"x": value, "l": [value, 1.0]} for seed, value in enumerate((3.0, 1.0, 2.0))},
        **{("b", seed): {"x": value, "l": [0.0, 0.0]} for seed, value in enumerate((5.0, None, 4.0))},
    },
)


def test_results_are_medians_and_extremes() -> None:
    assert RESULTS.spread("a", "x") == (2, 1, 3)
    assert RESULTS.spread("b", "x") == (5, 4, math.inf)
    assert RESULTS.spread("a", "x").text(".1f") == "2.0 (1.0–3.0)"
    assert RESULTS.spread("b", "x").text(".0f") == "5 (4–never)"
    assert Spread(2, 2, 2).text(".0f") == "2"
    median, low, high = RESULTS.spreads("a", "l")
    assert (median.tolist(), low.tolist(), high.tolist()) == ([2, 1], [1, 1], [3, 1])
    assert RESULTS.labels(k=2) == ["b"] and RESULTS.labels() == ["a", "b"]
    assert number(math.nan) == "–" and listed(["a", "b", "c"]) == "a, b and c" and listed([]) == "none"


def test_json_and_csv_have_every_run(counting: Counting) -> None:
    report = counting.report(RESULTS)
    found = json.loads(json.dumps(as_json(counting, RESULTS, report)))
    assert found["summary"]["a"]["x"] == {"median": 2, "low": 1, "high": 3}
    assert found["summary"]["b"]["x"] == {"median": 5, "low": 4, "high": None}
    assert found["runs"][4] == {"variant": "b", "seed": 1, "numbers": {"x": None, "l": [0, 0]}}
    rows = list(csv.reader(io.StringIO(as_csv(RESULTS))))
    assert rows[0] == ["variant", "seed", "metric", "index", "value"]
    assert rows[1:4] == [["a", "0", "x", "", "3.0"], ["a", "0", "l", "0", "3.0"], ["a", "0", "l", "1", "1.0"]]
    assert ["b", "1", "x", "", ""] in rows
    assert "> " not in as_page(counting, RESULTS, report) and "Done." in as_page(counting, RESULTS, report)


def test_wide_tables_come_in_parts() -> None:
    table = Table("title", ["name", "first", "second", "third"], [["a", "1", "2", "3"], ["bb", "10", "20", "30"]])
    assert table_lines(table, 80) == [
        "title",
        "name  first  second  third",
        "a         1       2      3",
        "bb       10      20     30",
    ]
    assert table_lines(table, 19) == [
        "title",
        "name  first  second",
        "a         1       2",
        "bb       10      20",
        "",
        "name  third",
        "a         3",
        "bb       30",
    ]


def test_charts_as_characters() -> None:
    chart = LineChart("title", "x", [Curve("up", [0, 1], [0, 1]), Curve("down", [0, 1], [1, 0])], {"half": 0.5})
    lines = chart_lines(chart, 60, "ascii")
    text = ["".join(piece for piece, _ in line) for line in lines]
    assert text[0] == "title" and text[1] == "  * up   o down   + half "
    assert {curve for line in lines[2:] for _, curve in line} == {-1, 0, 1, 2}
    assert max(map(len, text)) == 60 and text[-1] == "x".rjust(60)
    assert "+" * 20 in "".join(text)


def test_intervals_are_lines_around_the_curve() -> None:
    curve = Curve("c", [0, 1, 2], [1, 1, 1], [1, 0, 1], [1, 2, 1])
    lines = chart_lines(LineChart("t", "x", [curve], y_range=(0, 2)), 43, "ascii", 7)
    plot = ["".join(piece for piece, _ in line)[2:] for line in lines[2:7]]
    assert [row.find(":") for row in plot] == [20, 20, -1, 20, 20] and "*" * 41 in plot[2]
    assert (":", 0) in lines[2]
    never = Curve("n", [0, 1, 2], [1, 1, 1], [1, 0, 1], [1, math.inf, 1])
    assert chart_lines(LineChart("t", "x", [never], y_range=(0, 2)), 43, "ascii", 7)[3:] == lines[3:]


def test_only_runs_that_do_not_meet_show_an_order() -> None:
    bars = [Bar("b", 4, 3, 9), Bar("a", 1, 1, 2), Bar("never", math.inf, 5, math.inf), Bar("c", 4.5, 4, 5)]
    found = ranking(BarChart("t", bars), 3)
    assert [(one.name, one.shown) for one in found] == [("a", None), ("b", True), ("c", False), ("never", False)]
    assert found[1].spread == (4, 3, 9)
    assert [one.shown for one in ranking(BarChart("t", bars), 1)] == [None, False, False, False], (
        "one seed shows nothing"
    )
    curves = [Curve("up", [0, 1], [0, 5], [0, 4], [0, 6]), Curve("down", [0, 1], [5, 0], [5, 0], [5, 1])]
    assert [(one.name, one.shown) for one in ranking(LineChart("t", "x", curves), 2)] == [("down", None), ("up", True)]
    assert ranking(LineChart("t", "x", [Curve("c", [0], [1])]), 2) == []


def test_bars_as_characters() -> None:
    chart = BarChart(
        "title", [Bar("a", 2, 1, 3), Bar("bcd", 1, 1, 1), Bar("e", math.inf, 1, math.inf)], {"r": 0.5}, spec=".1f"
    )
    text = ["".join(piece for piece, _ in line) for line in chart_lines(chart, 50, "ascii")]
    bars = [line.count("#") for line in text[1:]]
    assert bars == [17, 9, 26, 4], "of 3, the largest maximum"
    assert [line.count("-") for line in text[1:]] == [9, 0, 0, 0], "a line from the median up to the maximum"
    assert text[1].startswith("a    #") and text[1].endswith(" 2.0 (1.0–3.0)") and text[3].endswith("never (1.0–never)")
    log = BarChart("t", [Bar("a", 1e-4, 1e-4, 1e-4), Bar("b", 1e-1, 1e-1, 1e-1)], log=True)
    lengths = ["".join(p for p, _ in line).count("#") for line in chart_lines(log, 60, "ascii")[1:]]
    assert lengths[1] == pytest.approx(4 * lengths[0], abs=2), "each decade is as long as the one below the least"
    assert "█" in "".join(p for line in chart_lines(chart, 50, "braille") for p, _ in line)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_figures_are_the_same_each_time(tmp_path: Path, suffix: str) -> None:
    charts = [
        LineChart("a", "x", [Curve("c", [1, 2, 3], [1, math.nan, 3], [0, 1, 2], [2, 3, 4])], {"r": 2}, log_y=True),
        BarChart("b", [Bar("n", 1, 0.5, 2), Bar("m", math.inf, 1, math.inf)], {"r": 1}),
    ]
    for name in ("one", "two"):
        save_charts(charts, tmp_path / f"{name}{suffix}")
    one, two = ((tmp_path / f"{name}{suffix}").read_bytes() for name in ("one", "two"))
    assert one == two and len(one) > 5000
    with pytest.raises(ValueError, match=r"expected a name that ends in \.png, \.svg, \.pdf"):
        save_charts(charts, tmp_path / "x.gif")
