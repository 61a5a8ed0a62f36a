"""The real program: pipes, terminals, signals, full disks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli.program import ENV, LAB, SMALL, in_terminal, one_line, start
from poison import poison

from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.trainer import Trainer


def test_killed_at_once_it_goes_on_from_the_last_checkpoint(text: Path, tmp_path: Path) -> None:
    command = ["train", "--data", text, *SMALL, "--steps", 10**9, "--eval-every", 10, "--checkpoint-every", 0.05]
    with start(*command, cwd=tmp_path) as process:
        assert process.stdout is not None
        checkpoint = str(tmp_path / "words-lstm.safetensors")
        assert any(load_checkpoint(checkpoint).state.step > 0 for line in process.stdout if line.startswith("step "))
        process.kill()
    step = Trainer.resume(checkpoint, str(text)).snapshot().step
    assert step > 0


def test_a_reader_that_leaves_is_no_error(trained: Path, tmp_path: Path) -> None:
    with start("generate", "--checkpoint", trained, "--length", 10**9, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert len(process.stdout.read(10)) == 10
        process.stdout.close()
        assert process.wait(timeout=60) == 141
        assert process.stderr.read() == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no device that is always full")
def test_output_that_cannot_be_written_is_one_clear_line(trained: Path, tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*LAB, "generate", "--checkpoint", str(trained)],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
        )
    assert result.returncode == 1
    assert "space" in one_line(result.stderr)


def test_piped_output_has_no_control_codes(text: Path, tmp_path: Path) -> None:
    with start("train", "--data", text, *SMALL, "--steps", 40, "--eval-every", 10, cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert re.findall(r"^step (\d+)/40  loss .* bits/char\) ", out, re.MULTILINE)[-1] == "40"
    assert not re.search(r"[^\n\x20-\uffff]", out)


def test_a_terminal_gets_one_live_line(text: Path, tmp_path: Path) -> None:
    status, out = in_terminal(
        "train", "--data", text, *SMALL, "--seconds", 1, "--eval-every", 50, cwd=tmp_path, columns=110
    )
    assert status == 0
    live = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line).rstrip() for line in out.split("\r") if "  loss " in line]
    assert len(live) > 2 and max(map(len, live)) < 110
    fields = r"step ([\d,]+)  loss \d\.\d+  val \d\.\d+ \(\d\.\d\d bits/char\)  [\d.]+[kM]? chars/s  0:0[01] left"
    assert re.search(r"^━+[╸╺]?━* 0:00:0[01] " + fields, live[-1])
    steps = [int(step.replace(",", "")) for step in re.findall(r"step ([\d,]+)  ", " ".join(live))]
    assert steps == sorted(steps) and steps[-1] > steps[0]
    before, summary = out.split("steps  ")
    assert before.endswith("\x1b[1A\x1b[2K")  # the summary takes the line's place
    assert before.count("\x1b[?25l") == before.count("\x1b[?25h") == 1 and "\x1b" not in summary


def test_a_second_ctrl_c_brings_the_cursor_back(text: Path, tmp_path: Path) -> None:
    program = """
import os, signal, sys
from lstm_ext.train.trainer import Trainer
from lstm_lab.cli.main import main
run = Trainer.run

def interrupted(self, on_progress, **limits):
    def twice(snapshot):
        on_progress(snapshot)
        if snapshot.step:
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGINT)
    return run(self, on_progress=twice, **limits)

Trainer.run = interrupted
sys.exit(main())
"""
    (tmp_path / "program.py").write_text(program)
    status, out = in_terminal("train", "--data", text, *SMALL, cwd=tmp_path, program=(tmp_path / "program.py",))
    assert status == 130 and "Traceback" not in out
    assert out.count("\x1b[?25l") == out.count("\x1b[?25h") == 1


def test_a_dumb_terminal_gets_plain_lines(text: Path, tmp_path: Path) -> None:
    status, out = in_terminal("train", "--data", text, *SMALL, "--steps", 20, cwd=tmp_path, TERM="dumb")
    assert status == 0
    assert "step 20/20" in out
    assert "\x1b" not in out


def test_a_dumb_terminal_gets_a_hint_instead_of_the_app(tmp_path: Path) -> None:
    status, out = in_terminal(cwd=tmp_path, TERM="dumb")
    assert status == 2
    assert "\x1b" not in out
    assert one_line(out.replace("\r", ""))


def test_without_the_core_everything_works_and_is_said_once(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['lstm_ext.engine._core'] = None\nfrom lstm_lab.cli.main import main\nsys.exit(main())"
    )

    def lab(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in ENV.items() if name != "LSTM_LAB_BACKEND"}
        command = [sys.executable, "-c", program, *arguments]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)

    trained = lab("train", "--data", "hello", "--hidden-size", "4", "--steps", "3", "--json", "--quiet")
    assert (trained.returncode, json.loads(trained.stdout)["backend"]) == (0, "numpy")
    assert trained.stderr.count("\n") == 1
    assert "C core" in trained.stderr
    assert "Install a C compiler" in trained.stderr
    asked = lab("train", "--data", "hello", "--steps", "3", "--backend", "c", "--quiet")
    assert asked.returncode == 1
    assert "C core" in one_line(asked.stderr)
    silent = lab("train", "--data", "hello", "--hidden-size", "4", "--steps", "3", "--backend", "numpy", "--quiet")
    assert (silent.returncode, silent.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("program", [[str(Path(sys.executable).with_name("lstm-lab"))], LAB], ids=["script", "module"])
@pytest.mark.parametrize(
    "command",
    [
        "generate --checkpoint {} --length 5",
        "doctor",
        "experiment gradient-flow --quick --seeds 1 --jobs 2 --fresh",
        "step hello",
        "train --data hello --hidden-size 4 --steps 3",
    ],
)
def test_nothing_is_imported_from_the_current_folder(
    program: list[str], command: str, trained: Path, tmp_path: Path
) -> None:
    poison(tmp_path)
    environment = {**ENV, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [*program, *command.format(trained).split()], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "the wrong" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stderr
