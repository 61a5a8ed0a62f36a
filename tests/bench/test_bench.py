"""The benchmark: what it counts, whom it believes, what it concludes. Nothing here is about how fast anything is."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from poison import poison

from bench import __main__ as bench
from bench import __main__ as cli
from bench import run, worker
from bench import view as bench_view
from bench.agreement import GREEDY_LENGTH, disagreement, sampling_disagreement, training_disagreement
from bench.contender import CONTENDERS, GROUPS, Trainer, available_groups, make_sampler, make_trainer
from bench.memory import step_bytes
from bench.own import EngineSampler, EngineTrainer
from bench.problem import LEARNING_RATE, make_problem
from bench.report import Report, RowResult, Timing
from bench.rows import QUICK, ROWS, Row, row_named, select_rows
from bench.targets import SPEED, speed_verdicts, verdicts
from lstm_ext.engine.backend import available_backends
from lstm_ext.timing import MIN_ROUNDS, Spread, spread, time_in_turns

#: Small, odd, two layers, and several steps in a round.
SMALL = [
    Row("training", cell, 7, 3, 5, num_layers=2, reset_after=reset_after)
    for cell, reset_after in (("lstm", False), ("gru", False), ("gru", True), ("rnn", False))
]
ROOT = Path(__file__).resolve().parents[2]
needs_core = pytest.mark.skipif("c" not in available_backends(), reason="it is about the C core")


# What is measured.


def test_the_rows_are_those_asked_for() -> None:
    training = [row for row in ROWS if row.kind == "training"]
    assert [(r.cell, r.reset_after, r.num_layers, r.hidden_size, r.batch_size, r.seq_length) for r in training] == [
        ("lstm", False, 1, 64, 1, 25),
        ("lstm", False, 1, 128, 1, 50),
        ("lstm", False, 1, 128, 32, 50),
        ("lstm", False, 1, 256, 32, 50),
        ("lstm", False, 1, 256, 64, 100),
        ("lstm", False, 1, 512, 64, 50),
        ("lstm", False, 2, 128, 20, 25),
        ("lstm", False, 2, 512, 50, 50),
        ("gru", False, 1, 128, 32, 50),
        ("gru", False, 1, 256, 32, 50),
        ("gru", True, 1, 128, 32, 50),
        ("gru", True, 1, 256, 32, 50),
        ("rnn", False, 1, 128, 32, 50),
        ("rnn", False, 1, 256, 32, 50),
    ]
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert {row.config().output_size for row in ROWS} == {65}
    assert set(QUICK) <= {row.name for row in ROWS}


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("lstm-128-32-50", 4 * 128 * 128 + 65 * 128),
        ("lstm-2x128-20-25", 4 * 128 * 128 + 4 * 128 * 256 + 65 * 128),
        ("gru-256-32-50", 3 * 256 * 256 + 65 * 256),
        ("gru-after-256-32-50", 3 * 256 * 256 + 65 * 256),
        ("rnn-128-32-50", 128 * 128 + 65 * 128),
    ],
)
def test_operations_leave_out_the_one_hot_columns(name: str, weights: int) -> None:
    row = row_named(name)
    assert row.operations == 6 * row.batch_size * row.seq_length * weights


def test_rows_are_chosen_by_a_part_of_their_names() -> None:
    names = [row.name for row in ROWS]
    assert select_rows(names, ()) == tuple(names)
    assert select_rows(names, ("-2x", "rnn-128")) == (
        "lstm-2x128-20-25",
        "lstm-2x512-50-50",
        "rnn-128-32-50",
        "sampling-lstm-2x128",
        "sampling-lstm-2x512",
    )
    with pytest.raises(ValueError, match="'transformer'"):
        select_rows(names, ("lstm", "transformer"))


@needs_core
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("row", [row for row in ROWS if row.kind != "sampling" and row.hidden_size < 512], ids=str)
def test_a_steps_memory_is_what_the_formula_says(row: Row, threads: int) -> None:
    dtype = "float64" if row.kind == "float64" else "float32"
    short = replace(row, seq_length=min(row.seq_length, 25))
    trainer = EngineTrainer(make_problem(short, dtype), "c", threads)
    trainer.train()
    formula = step_bytes(row.config(dtype), short.seq_length, row.batch_size, threads)
    assert trainer.memory_bytes == pytest.approx(formula, rel=0.1)


def test_the_same_problem_in_either_dtype() -> None:
    single, double = make_problem(SMALL[0]), make_problem(SMALL[0], "float64")
    np.testing.assert_array_equal(single.parameters, double.parameters)
    np.testing.assert_array_equal(single.inputs, double.inputs)
    assert single.parameters.dtype == np.float32 and double.state.dtype == np.float64
    assert all(np.abs(array).min() > 0 for array in (single.parameters, single.state))


# Who is believed.


def reference(row: Row) -> tuple[tuple[float, dict[str, np.ndarray]], np.ndarray]:
    trainer = EngineTrainer(make_problem(row, "float64"), "numpy")
    return trainer.loss_and_gradients(), trainer.train()


def installed(kind: str) -> list[str]:
    return [contender.key for contender in CONTENDERS[kind] if contender.group in available_groups()[0]]


@pytest.mark.parametrize("key", installed("training"))
@pytest.mark.parametrize("row", SMALL, ids=str)
def test_every_contender_computes_the_same(row: Row, key: str) -> None:
    found = training_disagreement(make_trainer(key, make_problem(row), 1), *reference(row))
    if key.startswith("torch") and row.cell == "gru" and not row.reset_after:
        assert found is not None, "PyTorch has a textbook GRU now: compare with it"
    else:
        assert found is None


@pytest.mark.parametrize("key", installed("sampling"))
@pytest.mark.parametrize("layers", [1, 2])
def test_every_sampler_draws_the_same(layers: int, key: str) -> None:
    row = Row("sampling", "lstm", 9, num_layers=layers)
    expected = EngineSampler(make_problem(row, "float64"), "numpy").greedy(GREEDY_LENGTH)
    assert len(set(expected.tolist())) > 3, "a text of one letter would prove nothing"
    assert sampling_disagreement(make_sampler(key, make_problem(row)), expected) is None


def test_a_sampler_that_draws_otherwise_is_refused() -> None:
    row = Row("sampling", "lstm", 9)
    expected = EngineSampler(make_problem(row, "float64"), "numpy").greedy(GREEDY_LENGTH)
    expected[17] += 1
    problem = sampling_disagreement(make_sampler("twin", make_problem(row)), expected)
    assert problem is not None and "number 17" in problem


@pytest.mark.parametrize("name", ["layers.0.Wt", "layers.1.b", "output.W", "output.b"])
@pytest.mark.parametrize("factor", [1.001, np.nan])
def test_one_wrong_gradient_is_enough(name: str, factor: float) -> None:
    (loss, gradients), _ = reference(SMALL[0])
    wrong = {key: array * factor if key == name else array for key, array in gradients.items()}
    assert disagreement((loss, gradients), (loss, gradients)) is None
    problem = disagreement((loss, wrong), (loss, gradients))
    assert problem is not None and name in problem


def test_a_wrong_loss_a_missing_and_a_misshapen_gradient() -> None:
    (loss, gradients), _ = reference(SMALL[0])
    assert disagreement((loss * 1.0002, gradients), (loss, gradients)) is not None
    fewer = {name: array for name, array in gradients.items() if name != "output.b"}
    assert disagreement((loss, fewer), (loss, gradients)) is not None
    transposed = gradients | {"output.W": gradients["output.W"].T}
    problem = disagreement((loss, transposed), (loss, gradients))
    assert problem is not None and "output.W" in problem


class WrongUpdates(EngineTrainer):
    """The right gradients, a learning rate that is not the one agreed on."""

    def __init__(self, row: Row) -> None:
        super().__init__(make_problem(row), "numpy")
        self._rates[...] = LEARNING_RATE / 2


def test_wrong_updates_are_noticed() -> None:
    problem = training_disagreement(WrongUpdates(SMALL[0]), *reference(SMALL[0]))
    assert problem is not None and "updates" in problem


def test_a_contender_that_disagrees_or_breaks_is_void(monkeypatch: pytest.MonkeyPatch) -> None:
    class WrongGradient(EngineTrainer):
        def loss_and_gradients(self) -> tuple[float, dict[str, np.ndarray]]:
            loss, gradients = super().loss_and_gradients()
            gradients["output.b"][3] += 0.01
            return loss, gradients

    def make(key: str, problem: object, threads: int) -> Trainer:
        assert isinstance(problem, type(make_problem(SMALL[0])))
        if key == "jax":
            raise ModuleNotFoundError("no wheel for this machine")
        return WrongGradient(problem, "numpy") if key.startswith("torch") else EngineTrainer(problem, "numpy")

    monkeypatch.setattr(worker, "make_trainer", make)
    monkeypatch.setattr(worker, "row_named", lambda name: SMALL[0])
    monkeypatch.setattr("bench.report.row_named", lambda name: SMALL[0])
    result = worker.measure_row(SMALL[0], 1, 0.0, ("twin", "torch", "jax"))
    timings = {timing.key: timing for timing in result.timings}
    assert timings["twin"].void is None and timings["twin"].seconds is not None
    assert timings["torch"].seconds is None and "output.b" in (timings["torch"].void or "")
    assert timings["jax"].seconds is None and timings["jax"].void == "ModuleNotFoundError: no wheel for this machine"
    assert result.best_peer is None and result.missing_peers == ("torch", "jax")
    shown = "\n".join(line.plain for line in bench_view.row_lines(result, [], ascii_only=True))
    assert "void: gradient of output.b" in shown


def test_torch_is_only_the_nearest_to_a_textbook_gru(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "make_trainer", lambda key, problem, threads: EngineTrainer(problem, "numpy"))
    result = worker.measure_row(SMALL[1], 1, 0.0, ("torch", "jax"))
    assert [timing.key for timing in result.timings if timing.nearest] == ["torch", "torch-fused"]


# What is concluded.


def result_of(name: str, threads: int = 1, **milliseconds: float | None) -> RowResult:
    """None is void; torch_fused stands for torch-fused. The FMA peak is 100 GFLOP/s."""
    nearest = name.startswith("gru-1") or name.startswith("gru-2")
    timings = [
        Timing(
            key.replace("_", "-"),
            key,
            None if value is None else Spread(value * 1e-3, 0, 0, 5),
            "wrong" if value is None else None,
            nearest and key.startswith("torch"),
        )
        for key, value in milliseconds.items()
    ]
    return RowResult(name, threads, tuple(timings), Spread(100e9, 0, 0, 5), 1000, 950)


def met(result: RowResult) -> dict[str, bool | None]:
    return {verdict.quantity: verdict.met for verdict in speed_verdicts(result)}


def test_the_best_peer_counts() -> None:
    result = result_of("lstm-64-1-25", ours=1.0, twin=0.5, torch=13.0, torch_fused=12.5, jax=3.1)
    assert result.ratio == pytest.approx(3.1) and result.best_peer is not None and result.best_peer.key == "jax"
    assert met(result) == {"best": True, "torch": True}
    assert met(result_of("lstm-64-1-25", ours=1.0, torch=11.9, torch_fused=2.9, jax=3.1)) == {
        "best": False,
        "torch": False,
    }


def test_a_target_stays_open_while_a_peer_is_missing_unless_it_is_missed_anyway() -> None:
    assert met(result_of("lstm-128-1-50", ours=1.0, jax=2.5)) == {"best": None}
    assert met(result_of("lstm-128-1-50", ours=1.0, torch=2.5, jax=None)) == {"best": None}
    assert met(result_of("lstm-128-1-50", ours=1.0, torch=1.5)) == {"best": False}
    assert met(result_of("lstm-128-1-50", ours=None, torch=1.5, jax=2.5)) == {}


def test_what_is_only_near_is_no_peer() -> None:
    result = result_of("gru-128-32-50", ours=1.0, torch=1.1, jax=3.2)
    assert result.ratio == pytest.approx(3.2) and met(result) == {"best": True}
    assert met(result_of("gru-after-128-32-50", ours=1.0, torch=1.1, jax=3.2)) == {"best": False}


def test_share_of_the_peak() -> None:
    row = row_named("lstm-256-32-50")
    seconds = row.operations / 66e9
    result = result_of(row.name, ours=seconds * 1e3, torch=seconds * 2e3, jax=seconds * 3e3)
    assert result.peak_share == pytest.approx(0.66) and met(result) == {"best": True, "peak": True}
    slower = result_of(row.name, ours=seconds * 1.1e3, torch=seconds * 2e3, jax=seconds * 3e3)
    assert met(slower) == {"best": True, "peak": False}


def test_float64_is_compared_with_float32() -> None:
    result = result_of("float64-lstm-128-32-50", ours=10.0, **{"ours_float32": 5.1})
    assert met(result) == {"float32": True} and result.ratio is None
    assert met(result_of("float64-lstm-128-32-50", ours=10.0, **{"ours_float32": 4.9})) == {"float32": False}


def test_two_threads_have_to_stay_ahead_wherever_a_batch_can_be_shared() -> None:
    assert {
        name for name, threads, quantity, wanted in SPEED if threads == 2 and (quantity, wanted) == ("best", 1.0)
    } == {row.name for row in ROWS if row.kind == "training" and row.batch_size >= 20}


def test_every_target_is_about_a_row() -> None:
    assert {name for name, *_ in SPEED} <= {row.name for row in ROWS}
    assert {row.name for row in ROWS if row.kind != "sampling"} <= {name for name, *_ in SPEED}


def test_startup_and_memory() -> None:
    report = Report(
        {}, {}, [result_of("lstm-64-1-25", ours=1.0), replace(result_of("rnn-128-32-50"), memory_bytes=1100)]
    )
    for name, seconds in (("import numpy", 0.1), ("import lstm_ext", 0.14), ("lstm-lab --version", 0.21)):
        report.processes[name] = Spread(seconds, seconds, seconds, 5)
    found = {verdict.subject: verdict for verdict in verdicts(report)}
    assert found["import lstm_ext"].met is True
    assert found["lstm-lab --version"].met is False
    assert found["rnn-128-32-50"].quantity == "memory" and found["rnn-128-32-50"].met is False


def test_disturbed_rows_are_named() -> None:
    quiet, slow, other = (result_of(name) for name in ("lstm-64-1-25", "rnn-128-32-50", "float64-lstm-64-1-25"))
    slow, other = (replace(result, peak=Spread(60e9, 0, 0, 5)) for result in (slow, other))
    assert Report({}, {}, [quiet, slow, other]).disturbed() == [slow]


def test_results_survive_json() -> None:
    result = result_of("gru-128-32-50", 2, ours=1.0, torch=None, jax=3.0)
    assert RowResult.from_json(json.loads(json.dumps(result.to_json()))) == result


# How it is measured.


def test_all_take_their_turns_without_garbage_collection() -> None:
    calls: list[str] = []
    collecting: set[bool] = set()

    def action(name: str) -> None:
        calls.append(name)
        collecting.add(gc.isenabled())

    times = time_in_turns({name: lambda name=name: action(name) for name in "abc"}, 0.0)  # type: ignore[misc]
    rounds = ["".join(calls[n : n + 3]) for n in range(0, len(calls), 3)]
    assert len(rounds) == MIN_ROUNDS and all(sorted(turn) == list("abc") for turn in rounds)
    assert len(set(rounds)) > 1, "the order never changes"
    assert {name: len(values) for name, values in times.items()} == dict.fromkeys("abc", MIN_ROUNDS)
    assert collecting == {False} and gc.isenabled()


def test_quartiles() -> None:
    assert spread([5.0, 1.0, 4.0, 2.0, 3.0]) == Spread(3.0, 2.0, 4.0, 5)


def test_the_environment_holds_every_library_to_its_threads() -> None:
    environment = worker.environment(2)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"):
        assert environment[name] == "2"
    assert "intra_op_parallelism_threads=2" in environment["XLA_FLAGS"]
    assert "multi_thread_eigen=false" in worker.environment(1)["XLA_FLAGS"]


def test_a_worker_that_fails_says_why() -> None:
    with pytest.raises(run.WorkerError, match="KeyError: 'nonsense'"):
        list(run.measure_rows(1, ["nonsense"], 0.0, ("twin",)))


def test_closing_ends_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[str]] = []
    popen = subprocess.Popen

    def start(*arguments: object, **options: object) -> subprocess.Popen[str]:
        started.append(popen(*arguments, **options))  # type: ignore[call-overload]
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    results = run.measure_rows(1, ["lstm-64-1-25"] * 1000, 0.0, ("twin",))
    assert next(results).name == "lstm-64-1-25"
    results.close()
    assert [worker.returncode is not None for worker in started] == [True]


# The command.

TINY = ["--quick", "--rows", "lstm-64,float64,sampling", "--contenders", "ours,twin", "--seconds", "0.01"]


@needs_core
def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TINY, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["complete"] is True and report["failures"] == [] and report["absent"] == {}
    assert report["machine"]["kernel"] and report["machine"]["versions"]["numpy"] == np.__version__
    rows = {row["name"]: row for row in report["rows"]}
    assert list(rows) == ["lstm-64-1-25", "float64-lstm-128-32-50", "sampling-lstm-128"]
    row = rows["lstm-64-1-25"]
    assert (row["hidden_size"], row["batch_size"], row["seq_length"], row["threads"]) == (64, 1, 25, 1)
    assert [timing["key"] for timing in row["timings"]] == ["ours", "twin"]
    ours = row["timings"][0]["seconds"]
    assert ours["rounds"] >= MIN_ROUNDS and ours["q1"] <= ours["median"] <= ours["q3"]
    assert row["gflops"] == pytest.approx(row["operations"] / ours["median"] / 1e9)
    assert row["peak_share"] == pytest.approx(row["gflops"] * 1e9 / row["peak"]["median"])
    assert row["best_peer"] is None and row["ratio"] is None
    assert [timing["key"] for timing in rows["sampling-lstm-128"]["timings"]] == ["ours", "ours-calls", "twin"]
    assert {target["quantity"] for target in report["targets"]} == {"float32", "memory"}


@needs_core
def test_piped_it_is_plain_and_says_what_is_left_out() -> None:
    contenders = ["--contenders", "ours,twin", "--seconds", "0.01"]
    command = [sys.executable, "-m", "bench", *TINY[:2], "sampling", *contenders]
    more = ["--threads", f"1,{run.processors() + 1}"]
    done = subprocess.run(
        [*command, *more], capture_output=True, text=True, env={**os.environ, "TERM": "xterm"}, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout and "\r" not in done.stdout
    assert f"left out: {run.processors() + 1} threads" in done.stdout
    assert "sampling-lstm-128" in done.stdout and "NumPy twin" in done.stdout


@needs_core
def test_nothing_is_imported_from_the_current_folder(tmp_path: Path) -> None:
    """The processes of a benchmark, nor itself, apart from what Python imports before it begins."""
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    poison(tmp_path)
    command = [sys.executable, "-m", "bench", *TINY[:2], "lstm-64,startup,memory", "--contenders", "ours,twin"]
    done = subprocess.run([*command, "--seconds", "0.01", "--json"], cwd=tmp_path, capture_output=True, text=True)
    assert "the wrong" not in done.stdout + done.stderr
    assert done.returncode == 0 and json.loads(done.stdout)["failures"] == [], done.stderr


def test_ctrl_c_prints_what_there_is(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: object) -> Generator[RowResult, None, None]:
        yield result_of("lstm-64-1-25", ours=1.0, torch=13.0, jax=3.1)
        raise KeyboardInterrupt

    monkeypatch.setattr(bench, "measure_rows", interrupted)
    assert cli.main(["--quick"]) == 130
    printed = capsys.readouterr().out
    assert "3.10×" in printed and "stopped early" in printed and "3 met" in printed


def test_a_failed_worker_is_reported(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def failing(*arguments: object) -> Generator[RowResult, None, None]:
        yield result_of("lstm-64-1-25", ours=1.0)
        raise run.WorkerError("killed by signal 9")

    monkeypatch.setattr(bench, "measure_rows", failing)
    assert cli.main(["--quick", "--rows", "lstm", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["complete"] is False and len(report["rows"]) == 1
    assert report["failures"] == ["1 thread, lstm-128-32-50: killed by signal 9"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--contenders", "ours,tensorflow"], "'tensorflow'"),
        (["--rows", "transformer"], "'transformer'"),
        (["--threads", "1,none"], "'1,none'"),
        (["--threads", "0"], "'0'"),
    ],
)
def test_wrong_options(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*arguments]) in (1, 2)
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1


def test_groups_are_told_apart_by_their_keys() -> None:
    assert {contender.group for kind in CONTENDERS.values() for contender in kind} == set(GROUPS)


@pytest.mark.parametrize(
    ("seconds", "text"), [(45.12e-6, "45.1 µs"), (3.021e-3, "3.02 ms"), (0.9999e-3, "1.00 ms"), (1.204, "1.20 s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert bench_view.duration(seconds) == text


def test_bars() -> None:
    for ascii_only, full, least in ((False, "█", "▏"), (True, "#", "#")):
        result = result_of("lstm-64-1-25", ours=1.0, torch=2.0, jax=1e9)
        lines = [line.plain for line in bench_view.row_lines(result, [], ascii_only=ascii_only)]
        assert [line.count(full) for line in lines[1:3]] == [28, 14]
        assert lines[3].endswith(f" {least}")
