"""Experiments: what is measured, what is kept, and that every sentence and picture can be made of it."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest

from lstm_ext import nn
from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig, Weights
from lstm_ext.data import load_text, split
from lstm_ext.engine.backend import engine_module
from lstm_ext.engine.config import ModelConfig
from lstm_ext.engine.interface import EngineModule
from lstm_ext.errors import DataError
from lstm_ext.experiments import NAMES, Experiment, Report, Results, Spread, Table, load, run
from lstm_ext.experiments.ablation import ABLATIONS, Ablation
from lstm_ext.experiments.charts import Bar, BarChart, Curve, LineChart, chart_lines, save_charts
from lstm_ext.experiments.export import as_csv, as_json, as_page, report_lines, save, table_lines
from lstm_ext.experiments.gradient_flow import flow
from lstm_ext.experiments.learning import (
    EngineLearner,
    NetworkLearner,
    TextExperiment,
    cosine,
    learn_symbols,
    learn_text,
)
from lstm_ext.experiments.linear_cell import LinearCellModel
from lstm_ext.experiments.runner import cells, kept, plain
from lstm_ext.experiments.words import listed, number
from lstm_ext.nn.gradcheck import gradient_errors
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.tasks.first_character import FirstCharacter
from lstm_lab.cli.main import main

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


def text_of(report: Report, width: int = 80) -> str:
    return "\n".join("".join(text for text, _ in line) for line in report_lines(report, width, "ascii"))


# ---------------------------------------------------------------------------- every experiment


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


# ------------------------------------------------------------------------------------ running


class Counting(Experiment):
    """Numbers that only its settings and the seed decide, and a list of what it was asked."""

    name = "counting"
    question = "How many?"
    method = "Count."
    asked: ClassVar[list[tuple[str, int]]] = []
    fails_at: ClassVar[int] = -1

    def variants(self, quick: bool) -> dict[str, Mapping[str, Any]]:
        return {label: {"label": label, "quick": quick} for label in ("a", "b", "c d/e")}

    def measure(self, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
        if len(self.asked) == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append((settings["label"], seed))
        return {"n": np.float64(seed) + len(settings["label"]), "never": math.inf, "list": np.arange(2), "text": "x"}

    def report(self, results: Results) -> Report:
        return Report([Table("t", ["v", "n"], [["a", "1"]])], [], ["Done."])


@pytest.fixture
def counting() -> Counting:
    Counting.asked, Counting.fails_at = [], -1
    return Counting()


def test_finished_runs_are_kept_and_only_the_others_run(counting: Counting, tmp_path: Path) -> None:
    first = run(counting, [0, 1], directory=tmp_path)
    assert counting.asked == [("a", 0), ("b", 0), ("c d/e", 0), ("a", 1), ("b", 1), ("c d/e", 1)]
    assert first.cells["a", 1] == {"n": 2.0, "never": None, "list": [0, 1], "text": "x"}
    again = run(counting, [0, 1, 2], directory=tmp_path)
    assert counting.asked[6:] == [("a", 2), ("b", 2), ("c d/e", 2)]
    assert {key: again.cells[key] for key in first.cells} == first.cells
    run(counting, [0], directory=tmp_path, quick=True)
    assert len(counting.asked) == 12, "other settings were taken for the same"
    run(counting, [0], directory=tmp_path, fresh=True)
    assert len(counting.asked) == 15


def test_an_interrupted_experiment_goes_on(counting: Counting, tmp_path: Path) -> None:
    Counting.fails_at = 4
    with pytest.raises(KeyboardInterrupt):
        run(counting, [0, 1], directory=tmp_path)
    assert sum(kept(cell) is not None for cell in cells(counting, [0, 1], False, tmp_path)) == 4
    Counting.fails_at = -1
    results = run(counting, [0, 1], directory=tmp_path)
    assert len(counting.asked) == 6 and len(results.cells) == 6
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")], "a temporary file is left"


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"numbers": null}', "\x00\xff"])
def test_a_damaged_file_is_measured_again(counting: Counting, tmp_path: Path, damage: str) -> None:
    run(counting, [0], directory=tmp_path)
    for path in tmp_path.rglob("*.json"):
        path.write_text(damage, encoding="latin-1")
    assert len(run(counting, [0], directory=tmp_path).cells) == 3
    assert len(counting.asked) == 6


@pytest.mark.slow
def test_processes_give_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = load("gradient-flow")
    alone = run(experiment, [3], quick=True)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    together = run(experiment, [3], quick=True, jobs=2, directory=tmp_path)
    assert os.environ["OPENBLAS_NUM_THREADS"] == "3" and "PYTHONSAFEPATH" not in os.environ
    assert together.cells == alone.cells and list(alone.variants) == list(together.variants)
    assert len(list(tmp_path.rglob("*.json"))) == len(alone.cells)


#: A program with an experiment whose runs do ``{body}``, in two processes.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from lstm_ext.errors import LabError
from lstm_ext.experiments import Experiment, run

class Mine(Experiment):
    name = "mine"

    def variants(self, quick):
        return {{label: {{"label": label}} for label in "abcd"}}

    def measure(self, settings, seed):
        label = settings["label"]
        {body}
        return {{"n": 1.0}}

if __name__ == "__main__":
    try:
        print(len(run(Mine(), [0], jobs=2, directory=Path("kept")).cells))
    except LabError as error:
        sys.exit(str(error))
"""


@pytest.fixture
def in_processes(tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    """Starts PROGRAM in a folder of its own."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()

    def start(body: str) -> subprocess.Popen[str]:
        (there / "program.py").write_text(PROGRAM.format(body=body))
        pipe = subprocess.PIPE
        command = [sys.executable, str(there / "program.py")]
        return subprocess.Popen(command, cwd=here, stdout=pipe, stderr=pipe, text=True)

    return start


@pytest.mark.slow
def test_a_process_that_dies_is_reported(in_processes: Callable[[str], subprocess.Popen[str]]) -> None:
    process = in_processes('if label == "d": os.kill(os.getpid(), signal.SIGKILL)')
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    assert errors.startswith("a measuring process was ended from outside") and errors.count("\n") == 1


def test_a_run_that_fails_ends_all_with_its_error(in_processes: Callable[[str], subprocess.Popen[str]]) -> None:
    process = in_processes('raise LabError(f"{label} will not do") if label == "a" else signal.pause()')
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "a will not do\n")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="PYTHONSAFEPATH is new in Python 3.11")
def test_processes_import_nothing_from_the_present_folder(
    in_processes: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    for name in ("pickle", "random", "socket", "secrets", "numpy", "lstm_ext"):
        (tmp_path / "here" / f"{name}.py").write_text("raise SystemExit('the wrong module')")
    process = in_processes('assert os.environ["OPENBLAS_NUM_THREADS"] == "1"')
    out, errors = process.communicate(timeout=60)
    assert (process.returncode, out, errors) == (0, "4\n", "")


def test_processes_end_with_their_parent(in_processes: Callable[[str], subprocess.Popen[str]], tmp_path: Path) -> None:
    process = in_processes('Path(f"pid-{os.getpid()}").touch(); signal.pause()')
    deadline = time.monotonic() + 60
    while len(pids := [int(path.name[4:]) for path in tmp_path.rglob("pid-*")]) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)

    def alive(pid: int) -> bool:
        try:
            return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


# ------------------------------------------------------------------------------------ results


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


def test_bars_as_characters() -> None:
    chart = BarChart(
        "title", [Bar("a", 2, 1, 3), Bar("bcd", 1, 1, 1), Bar("e", math.inf, 1, math.inf)], {"r": 0.5}, spec=".1f"
    )
    text = ["".join(piece for piece, _ in line) for line in chart_lines(chart, 50, "ascii")]
    bars = [line.count("#") for line in text[1:]]
    assert bars == [26, 13, 26, 6]
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


# ----------------------------------------------------------------------------------- learning


def test_learning_stops_when_an_unseen_batch_is_right() -> None:
    task = FirstCharacter(2, classes=3)
    model = LanguageModel(ModelConfig(task.input_size, 16, task.output_size))
    learned = learn_symbols(EngineLearner(model), task, 0, lr=0.02, limit=1000)
    assert learned.steps % 50 == 0 and learned.steps < 1000 and learned.accuracy > 0.99
    hopeless = LanguageModel(ModelConfig(task.input_size, 16, task.output_size))
    assert learn_symbols(EngineLearner(hopeless), task, 0, lr=1e-9, limit=50).steps == math.inf


def test_learning_ends_where_the_loss_is_not_finite() -> None:
    parts = split(load_text("hamlet"))
    model = LanguageModel(ModelConfig(50, 8, 50))
    model.parameters[0] = np.nan
    assert np.isnan(learn_text(model, parts, [3, 5], lr=0.01)).all()


def test_text_is_learned_in_lanes_that_go_on() -> None:
    parts = split(load_text("hamlet"))
    size = len(load_text("hamlet").vocabulary)
    once, twice = (LanguageModel(ModelConfig(size, 16, size)) for _ in range(2))
    losses = learn_text(once, parts, [7, 90], lr=0.01, batch_size=4, seq_length=10)
    assert losses[1] < losses[0] - 0.3
    assert learn_text(twice, parts, [90], lr=lambda _: 0.01, batch_size=4, seq_length=10) == [losses[1]]


def test_cosine_falls_to_a_tenth() -> None:
    rate = cosine(0.02, 100)
    assert [rate(step) for step in (0, 50, 100, 500)] == pytest.approx([0.02, 0.011, 0.002, 0.002])


def test_the_networks_of_both_kinds_learn_alike() -> None:
    task = FirstCharacter(3)
    config = ModelConfig(task.input_size, 8, task.output_size)
    model = LanguageModel(config, seed=1)
    network = nn.Tagger(task.input_size, 8, task.output_size).build()
    for name, weight in network.weights().items():
        weight[...] = model.weights()[name.removeprefix("reader.rnn.")]
    batch = task.batch(np.random.default_rng(0), 5)
    learners = EngineLearner(model), NetworkLearner(network)
    for _ in range(3):
        one, other = (learner.step(batch, 0.01) for learner in learners)
        assert one == pytest.approx(other, rel=1e-5)
    np.testing.assert_allclose(learners[0].logits(batch), learners[1].logits(batch), atol=1e-5)


# ------------------------------------------------------------------- what single ones rest on


def test_linear_cell_gradients() -> None:
    rng = np.random.default_rng(0)
    model = LinearCellModel(5, 4, 3).build(dtype="float64")
    model.parameters[...] = 0.7 * rng.standard_normal(model.parameters.shape)
    inputs, targets = rng.integers(0, 5, (6, 3)), rng.integers(-1, 3, (6, 3))
    assert max(gradient_errors(model, (inputs, None, targets)).values()) < 1e-7


def test_linear_cell_is_an_lstm_but_for_one_tanh() -> None:
    config = ModelConfig(5, 4, 3, dtype="float64")
    model = LanguageModel(config, seed=2)
    model.parameters[...] *= 0.01  # so small that tanh(C) = C, nearly
    network = LinearCellModel(5, 4, 3).build(dtype="float64")
    network.parameters[...] = model.parameters
    batch = FirstCharacter(3, "blank", classes=3).batch(np.random.default_rng(0), 6)
    np.testing.assert_allclose(
        NetworkLearner(network).logits(batch), EngineLearner(model).logits(batch), rtol=0, atol=1e-9
    )
    model.parameters[...] *= 100
    network.parameters[...] = model.parameters
    assert abs(NetworkLearner(network).logits(batch) - EngineLearner(model).logits(batch)).max() > 1e-3


def test_ablations_start_from_the_same_weights_and_see_the_same_batches() -> None:
    ablation = Ablation()
    settings = little(ablation.variants(True)["last symbol, full, lr 0.01"])
    first = {name: ablation.measure({**settings, "ablation": name, "limit": 0, "clamps": []}, 5) for name in ABLATIONS}
    # Untrained, f = 1 and "full" differ only by what f does: never by the weights, which all answer from.
    assert len({json.dumps(plain(numbers)) for numbers in first.values()}) == len(ABLATIONS)
    clamped = ablation.measure({**settings, "limit": 0, "clamps": ["f = 1", "o = 1"]}, 5)
    for name in ("f = 1", "o = 1"):
        assert clamped[f"nats with {name}"] == first[name]["nats"]


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_flow_is_the_gradient_at_every_step(engine: EngineModule, cell: str) -> None:
    """Moves h_t and C_t by hand, runs the rest, and looks at the loss."""
    rng = np.random.default_rng(4)
    layer = LayerConfig(cell, 3, 5)
    shapes = layer.parameter_shapes()
    weights = Weights(rng.standard_normal(shapes["Wt"]), rng.standard_normal(shapes["b"]))
    x, dh_last = rng.standard_normal((7, 2, 3)), rng.standard_normal((2, 5))
    dh, dc, forget = flow(engine, layer, weights, x, dh_last)
    acts = engine.layer_forward(layer, weights, x, np.zeros((layer.state_arrays, 2, 5)))

    def loss(t: int, h: np.ndarray, c: np.ndarray | None) -> float:
        state = np.stack([h] if c is None else [h, c])
        return float(np.sum(dh_last * engine.layer_forward(layer, weights, x[t + 1 :], state).h[-1]))

    eps, move = 1e-6, np.zeros((2, 5))
    move[1, 3] = eps
    for t in (0, 4):
        h, c = acts.h[t + 1], None if acts.c is None else acts.c[t + 1]
        slope = (loss(t, h + move, c) - loss(t, h - move, c)) / (2 * eps)
        assert dh[t, 1, 3] == pytest.approx(slope, rel=1e-6, abs=1e-9)
        if c is not None and dc is not None:
            o = acts.blocks["o"][t]
            up, down = (loss(t, o * np.tanh(c + sign * move), c + sign * move) for sign in (1, -1))
            assert dc[t, 1, 3] == pytest.approx((up - down) / (2 * eps), rel=1e-6, abs=1e-9)
    np.testing.assert_array_equal(dh[-1], dh_last)
    assert (forget is None) == (dc is None) == (cell != "lstm")


def test_gradient_flow_of_an_open_forget_gate_is_the_product_of_gates() -> None:
    """Without any way through h (U = 0), the direct part is all there is."""
    layer = LayerConfig("lstm", 3, 4)
    rng = np.random.default_rng(1)
    Wt, b = np.zeros(layer.parameter_shapes()["Wt"]), np.zeros(16)
    Wt[4:] = rng.standard_normal((3, 16))
    x, dh_last = rng.standard_normal((6, 2, 3)), rng.standard_normal((2, 4))
    dh, dc, forget = flow(engine_module(), layer, Weights(Wt, b), x, dh_last)
    assert dc is not None and forget is not None and not dh[:-1].any()
    np.testing.assert_allclose(dc[1], dc[-1] * forget[2:].prod(axis=0))


# ------------------------------------------------------------------------------- command line


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "state" / "lstm-lab" / "experiments"


def test_command_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiment", "--list"]) == 0
    listed_names = [line.split()[0] for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert listed_names == list(NAMES)
    assert main(["experiment", "--json"]) == 0
    assert [entry["name"] for entry in json.loads(capsys.readouterr().out)] == list(NAMES)


def test_command_prints_saves_and_keeps(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["experiment", "gradient-flow", "--quick", "--seeds", "2"]
    assert main([*command, "--save", "out"]) == 0
    printed = capsys.readouterr()
    assert "How much of the gradient is left" in printed.out and "50 steps back, this share of" in printed.out
    assert "\x1b" not in printed.out and max(map(len, printed.out.splitlines())) <= 80
    assert sorted(path.suffix for path in Path("out").iterdir()) == [".csv", ".json", ".md", ".svg"]
    assert len(list(state.rglob("*.json"))) == 14
    assert main([*command, "--json"]) == 0
    again = capsys.readouterr()
    assert "14 of 14 runs are kept from earlier" in again.err
    found = json.loads(again.out)
    assert found == json.loads(Path("out/gradient-flow.json").read_text()) and found["findings"][0] in " ".join(
        printed.out.split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["memroy"], "did you mean 'memory'"),
        (["memory", "--data", "x"], "makes its own data"),
        (["memory", "--seeds", "0"], "expected a whole number of at least 1"),
    ],
)
def test_command_refuses(state: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str) -> None:
    assert main(["experiment", *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_keeps_what_is_done(state: Path, jobs: str) -> None:
    command = [sys.executable, "-m", "lstm_lab", "experiment", "memory", "--seeds", "40", "--jobs", jobs]
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as behind a script's `&`
    )
    deadline = time.monotonic() + 120
    while len(list(state.rglob("*.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it, too
    _, errors = process.communicate(timeout=60)
    done = len(list(state.rglob("*.json")))
    assert process.returncode == 130, errors
    assert f"{done} of 2640 runs are kept in" in errors and "the same command continues" in errors
    assert "Traceback" not in errors
