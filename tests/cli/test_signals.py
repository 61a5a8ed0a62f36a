"""Real signals to the real program, on every Python of this machine: it ends at once, and keeps what was learned."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from cli.program import SMALL, in_terminal
from pythons import environment, pythons

from lstm_ext.train.checkpoint import load_checkpoint

TIMEOUT = 60
SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"]
#: As commands are started where nothing else is said: a run that goes on until it is stopped.
TRAIN = ["train", *SMALL, "--steps", 10**9, "--eval-every", 10, "--checkpoint", "m.safetensors", "--data"]


@contextmanager
def started(
    folder: Path, *arguments: object, python: str = "", program: str = "", **options: Any
) -> Iterator[subprocess.Popen[str]]:
    """``program``: Python code that is run before the command."""
    code = f"import sys\n{program}\nfrom lstm_lab.cli.main import main\nsys.exit(main())"
    interpreter = pythons()[python] if python else next(iter(pythons().values()))
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    variables = {**environment(folder), "XDG_STATE_HOME": str(folder / "state")}
    process = subprocess.Popen(
        [interpreter, "-c", code, *map(str, arguments)], cwd=folder, env=variables, text=True, **pipes
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def until(process: subprocess.Popen[str], begins: str) -> None:
    assert process.stdout is not None
    assert any(line.startswith(begins) for line in process.stdout), f"no line that begins with {begins!r}"


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("name", SIGNALS)
def test_training_is_saved_and_continues(name: str, python: str, text: Path, tmp_path: Path) -> None:
    number = getattr(signal, name)
    with started(tmp_path, *TRAIN, text, python=python) as process:
        until(process, "step ")
        for _ in range(3):  # as quickly as it goes: before anything was said, more of them change nothing
            process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (128 + number, "")
    assert f"stopped by {name}" in out
    step = load_checkpoint(str(tmp_path / "m.safetensors")).state.step
    assert step > 0
    command = [str(step + 3) if item == 10**9 else item for item in TRAIN]
    with started(tmp_path, *command, text, "--resume", "--json", "--quiet", python=python) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err, json.loads(out)["steps"]) == (0, "", step + 3)


#: Saving waits until its input ends, and says so.
SLOW_SAVE = """
from lstm_ext.train.trainer import Trainer
save = Trainer._save
def slow(self, path):
    if self._loop.state.step:
        print("saving", flush=True)
        sys.stdin.read()
    save(self, path)
Trainer._save = slow
"""


def test_a_second_signal_gives_up_only_after_saying_so(text: Path, tmp_path: Path) -> None:
    with started(tmp_path, *TRAIN, text, "--checkpoint-every", 10**6, program=SLOW_SAVE) as process:
        assert process.stderr is not None
        until(process, "step ")
        process.send_signal(signal.SIGINT)
        until(process, "saving")
        process.send_signal(signal.SIGINT)
        told = process.stderr.readline()
        assert process.poll() is None
        assert "gives up" in told and "step 0" in told
        end = time.monotonic() + TIMEOUT
        while process.poll() is None and time.monotonic() < end:
            process.send_signal(signal.SIGINT)
            time.sleep(0.02)
        err = process.stderr.read()
    assert (process.returncode, err) == (130, "lstm-lab: gave up: the checkpoint is that of step 0\n")
    assert load_checkpoint(str(tmp_path / "m.safetensors")).state.step == 0


#: The signal comes after the command has begun to wait for it, and before there is a training thread.
EARLY_SIGNAL = """
import signal
from lstm_ext.train.trainer import Trainer
run = Trainer.run
def late(self, **options):
    signal.raise_signal(signal.SIGINT)
    return run(self, **options)
Trainer.run = late
"""


def test_a_signal_just_before_the_run_ends_it_too(text: Path, tmp_path: Path) -> None:
    with started(tmp_path, *TRAIN, text, program=EARLY_SIGNAL) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (130, "")
    assert "stopped by SIGINT" in out


def test_saving_ends_in_peace(text: Path, tmp_path: Path) -> None:
    with started(tmp_path, *TRAIN, text, "--checkpoint-every", 10**6, program=SLOW_SAVE) as process:
        assert process.stderr is not None
        until(process, "step ")
        process.send_signal(signal.SIGTERM)
        until(process, "saving")
        assert "gives up" in process.stderr.readline()
        _, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (143, "")
    assert load_checkpoint(str(tmp_path / "m.safetensors")).state.step > 0


def test_a_hang_up_that_nohup_ignores_is_ignored(text: Path, tmp_path: Path) -> None:
    program = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    with started(tmp_path, *TRAIN, text, program=program) as process:
        until(process, "step ")
        process.send_signal(signal.SIGHUP)
        for _ in range(3):
            until(process, "step ")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == 143


@pytest.mark.parametrize("python", pythons())
@pytest.mark.parametrize("name", SIGNALS)
def test_generating_ends(name: str, python: str, trained: Path, tmp_path: Path) -> None:
    number = getattr(signal, name)
    with started(tmp_path, "generate", "--checkpoint", trained, "--length", 10**9, python=python) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.send_signal(number)
        _, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (128 + number, "")


@pytest.mark.parametrize("name", SIGNALS)
def test_verifying_ends(name: str, tmp_path: Path) -> None:
    number = getattr(signal, name)
    with started(tmp_path, "verify", "--thorough") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(number)
        _, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, err) == (128 + number, "")


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("name", SIGNALS)
def test_an_experiment_ends_with_its_processes(name: str, jobs: int, tmp_path: Path) -> None:
    number = getattr(signal, name)
    command = ["experiment", "memory", "--quick", "--seeds", 50, "--jobs", jobs]
    with started(tmp_path, *command, start_new_session=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        kept = tmp_path / "state/lstm-lab/experiments/memory"
        await_file(kept, process)
        children = psutil.Process(process.pid).children(recursive=True)
        assert (len(children) >= 2) == (jobs == 2)
        os.killpg(process.pid, number)  # as a terminal does
        _, err = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 128 + number
    assert "stopped; " in err and "Traceback" not in err
    gone, alive = psutil.wait_procs(children, timeout=TIMEOUT)
    assert not alive and len(gone) == len(children)


def await_file(folder: Path, process: subprocess.Popen[str]) -> None:
    """Until a file is in ``folder``."""
    end = time.monotonic() + TIMEOUT
    while not (folder.is_dir() and any(folder.glob("*.json"))):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("command", ["train", "generate"])
def test_a_pipe_that_nobody_reads_keeps_no_command_alive(
    command: str, text: Path, trained: Path, tmp_path: Path
) -> None:
    """The signal comes in the middle of a write that does not end."""
    if command == "train":  # a line every few steps
        arguments: list[object] = [*TRAIN, text]
        program = "from lstm_lab.cli import progress; progress.NEW_LINE = 0.0"
    else:
        arguments, program = ["generate", "--checkpoint", trained, "--length", 10**9], ""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    with started(tmp_path, *arguments, program=program, stdout=writer) as process:
        os.close(writer)
        await_blocked(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 143
    os.close(reader)
    if command == "train":
        assert load_checkpoint(str(tmp_path / "m.safetensors")).state.step > 0


def await_blocked(process: subprocess.Popen[str]) -> None:
    """Until the main thread waits for a pipe to be read."""
    end = time.monotonic() + TIMEOUT
    while "pipe" not in Path(f"/proc/{process.pid}/wchan").read_text():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.02)


def test_suspended_time_is_no_time_of_training(text: Path, tmp_path: Path) -> None:
    with started(tmp_path, "train", *SMALL, "--seconds", 3, "--json", "--data", text) as process:
        assert process.stderr is not None
        assert any(line.startswith("step ") for line in process.stderr)
        begin = time.monotonic()
        process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)  # nothing happens that could be awaited
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=TIMEOUT)
        passed = time.monotonic() - begin
    assert 2.9 < json.loads(out)["seconds"] < 4.0 < passed


def test_an_interrupted_import_is_no_bug(tmp_path: Path) -> None:
    """NumPy's, in C, raises ImportError in place of what interrupted it."""
    program = """
import os, signal
from lstm_lab.cli.commands import doctor
def examine():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except BaseException:
        raise ImportError("failed") from None
doctor.examine = examine
"""
    with started(tmp_path, "doctor", program=program) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, out, err) == (143, "", "")


def test_a_terminal_gets_its_cursor_back(text: Path, tmp_path: Path) -> None:
    program = """
import os, signal, sys
from lstm_ext.verify import Verification
from lstm_lab.cli.main import main
rows = Verification.rows
def interrupted(self, check):
    os.kill(os.getpid(), signal.SIGTERM)
    return rows(self, check)
Verification.rows = interrupted
sys.exit(main())
"""
    (tmp_path / "program.py").write_text(program)
    status, out = in_terminal("verify", cwd=tmp_path, program=(tmp_path / "program.py",))
    assert status == 143 and "Traceback" not in out
    assert out.count("\x1b[?25l") == out.count("\x1b[?25h") == 1
