"""lstm-lab experiment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from lstm_ext.experiments import NAMES
from lstm_lab.cli.main import main


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


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_events_are_the_plan_every_run_and_the_end(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["experiment", "gradient-flow", "--quick", "--events", "--seeds"]
    assert main([*command, "1"]) == 0
    plan, *runs, end = events(capsys.readouterr().out)
    assert (plan["event"], plan["experiment"], plan["quick"], end) == ("plan", "gradient-flow", True, {"event": "end"})
    assert [[run["variant"], run["seed"]] for run in runs] == plan["runs"] and len(runs) == 7
    assert not any(run["kept"] for run in runs) and runs[0]["numbers"]["dh"][0] == 1.0 and runs[0]["seconds"] > 0
    assert set(plan["variants"]) == {run["variant"] for run in runs}
    assert main([*command, "2"]) == 0
    printed = capsys.readouterr()
    again = events(printed.out)[1:-1]
    assert [run["kept"] for run in again] == [True] * 7 + [False] * 7 and again[:7] == [
        {**r, "kept": True} for r in runs
    ]
    assert printed.err == ""


def test_outcomes_are_kept_listed_and_compared(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["experiment", "gradient-flow", "--quick"]
    assert main([*command, "--past"]) == 0
    assert capsys.readouterr().out.startswith("  1  published         quick · 5 seeds · ")
    assert main([*command, "--seeds", "2", "--against", "1"]) == 0
    out = capsys.readouterr().out
    assert "differs  " in out and "seeds: 5, now 2" in out and "15 not shown" in out
    assert main([*command, "--past", "--json"]) == 0
    own, known = json.loads(capsys.readouterr().out)
    assert (own["number"], own["seeds"], own["quick"], known["when"]) == (1, 2, True, None) and own["when"]
    assert main([*command, "--against", "3"]) == 2
    assert "--against: got 3, expected at most 2, what --past lists" in capsys.readouterr().err


def test_the_process_of_another_program_ends_with_it(state: Path) -> None:
    program = "from lstm_lab.cli.child import child; child()"
    command = [sys.executable, "-c", program, "experiment", "memory", "--seeds", "40", "--events"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    assert json.loads(process.stdout.readline())["event"] == "plan"
    process.stdin.close()
    assert process.wait(60) == 143
    process.stdout.close()
