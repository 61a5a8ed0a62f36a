"""Little memory, few descriptors, streams that are closed or full: one clear line, never a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cli.program import ENV, LAB, SMALL

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and /dev/full are Linux's")


def shell(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """``lab`` in it is the program."""
    script = line.replace("lab", " ".join(LAB))
    return subprocess.run(["sh", "-c", script], cwd=cwd, env=ENV, capture_output=True, text=True, timeout=120)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [24, 40, 120, 200, 260, 280, 300, 320, 360, 400, 460, 520])
@pytest.mark.parametrize("command", ["train --data hello --hidden-size 1024 --steps 2 --quiet", "generate --length 3"])
def test_too_little_memory_is_one_line(command: str, megabytes: int, large: Path, tmp_path: Path) -> None:
    checkpoint = large if command.startswith("generate") else "m.safetensors"
    done = shell(f"ulimit -v {megabytes * 1000}; lab {command} --checkpoint {checkpoint}", tmp_path)
    if done.returncode:
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"lstm-lab: error: .*memory.*\n", done.stderr), done.stderr
    else:
        assert done.stderr == "" and megabytes > 256
    assert not list(tmp_path.glob(".*.tmp"))


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large")
    done = shell("lab train --data hello --hidden-size 1024 --steps 1 --quiet --checkpoint l.safetensors", path)
    assert done.returncode == 0, done.stderr
    return path / "l.safetensors"


@linux
def test_where_no_thread_can_be_started_that_is_said(tmp_path: Path) -> None:
    program = """
import sys, threading
def start(self):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
from lstm_lab.cli.main import main
sys.exit(main())
"""
    command = [sys.executable, "-c", program, "train", "--data", "hello", *SMALL, "--steps", "3", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, env=ENV, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert re.fullmatch(r"lstm-lab: error: no thread can be started for training: .*\n", done.stderr)


COMMANDS = [
    "--help",
    "--version",
    "train --help",
    f"train --data hello --steps 3 {' '.join(SMALL)} --checkpoint m.safetensors",
    f"train --data hello --steps 3 {' '.join(SMALL)} --checkpoint m.safetensors --json",
    "generate --length 20 --checkpoint {trained}",
    "eval --checkpoint {trained}",
    "step hello",
    "experiment --list",
    "completion bash",
    "doctor",
    "verify",
]


@linux
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", COMMANDS)
def test_output_that_is_lost_is_told(command: str, unbuffered: str, trained: Path, tmp_path: Path) -> None:
    line = f"PYTHONUNBUFFERED={unbuffered} lab {command.format(trained=trained)} >/dev/full"
    done = shell(line, tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert re.fullmatch("lstm-lab: error: .*space.*", last)
    assert done.stderr == last + "\n" or "--json" in command


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in ("doctor", "verify")])
def test_closed_streams(command: str, closed: str, trained: Path, tmp_path: Path) -> None:
    """What is closed on purpose is not missed; and no file gets the number of a stream, to be written over."""
    done = shell(f"lab {command.format(trained=trained)} {closed}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and bool(done.stdout) == (">&-" not in closed.replace("2>&-", ""))
    if command.startswith("train --data"):
        assert shell("lab eval --checkpoint m.safetensors", tmp_path).returncode == 0


@linux
def test_few_descriptors(trained: Path, tmp_path: Path) -> None:
    for command in COMMANDS[:9]:
        done = shell(f"ulimit -n 32; lab {command.format(trained=trained)}", tmp_path)
        assert done.returncode == 0, done.stderr
    done = shell(f"ulimit -n 8; lab {COMMANDS[3]}", tmp_path)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr and done.stderr.count("\n") <= 1


def test_a_read_only_folder(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        folder = Path("/proc/self")  # where root, too, may write nothing
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    done = shell(f"lab train --data hello {' '.join(SMALL)} --checkpoint {folder}/m.safetensors", tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert re.fullmatch("lstm-lab: error: .*cannot be written.*\n", done.stderr)
