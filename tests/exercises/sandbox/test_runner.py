"""The process for a learner's file: what it may do, what ends it, and what it can be asked."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from lstm_lab.exercises.grading.student import StudentError
from lstm_lab.exercises.sandbox import landlock, runner
from lstm_lab.exercises.sandbox.runner import Cancelled, GraderError, SandboxRunner
from lstm_lab.exercises.sandbox.wire import decode, encode

with_landlock = pytest.mark.skipif(landlock.abi() < 4, reason="needs Landlock's version 4")
with_seccomp = pytest.mark.skipif(landlock.abi() == 0, reason="needs a Linux with seccomp")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The learner's folder, with something beside it that is none of their business."""
    (tmp_path / "other.txt").write_text("secret")
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def _loaded(folder: Path, source: str) -> SandboxRunner:
    """A runner with ``source`` executed; it should come to its end."""
    (folder / "mine.py").write_text(source)
    started = SandboxRunner(folder / "mine.py")
    crash = started.load()
    assert crash is None, crash
    return started


def _outcomes(folder: Path, **attempts: str) -> dict[str, str]:
    """What each expression gave when a file evaluated it: its value, or the name of its error."""
    source = f"""
import json
def outcome(text):
    try:
        exec("import os, socket, subprocess, sys, threading, resource, tempfile, numpy as np", globals())
        return str(eval(text))
    except BaseException as error:
        return type(error).__name__
found = {{name: outcome(text) for name, text in {attempts!r}.items()}}
with open("outcomes.json", "w") as file:
    json.dump(found, file)
"""
    with _loaded(folder, source):
        found: dict[str, str] = json.loads((folder / "outcomes.json").read_text())
        return found


@with_landlock
def test_files_outside_the_folder_are_out_of_reach(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "other.txt")
    (folder / "own.txt").write_text("own")
    found = _outcomes(
        folder,
        own="open('own.txt').read()",
        beside="open('../other.txt').read()",
        through_a_link="open('link').read()",
        system="open('/etc/passwd').read()",
        home=f"os.listdir({str(Path.home())!r})",
        temporary="os.listdir('/tmp')",
        parents_environment="open(f'/proc/{os.getppid()}/environ').read()",
        written_beside="open('../new.txt', 'w')",
        removed="os.remove('../other.txt')",
        renamed="os.rename('own.txt', '../own.txt')",
        cut="os.truncate('../other.txt', 0)",
    )
    assert found == {"own": "own"} | dict.fromkeys(list(found)[1:], "PermissionError")
    assert (folder.parent / "other.txt").read_text() == "secret"


@with_seccomp
def test_networks_programs_and_other_processes_are_out_of_reach(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = _outcomes(
            folder,
            tcp=f"socket.create_connection(('127.0.0.1', {port}))",
            udp="socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
            unix="socket.socket(socket.AF_UNIX)",
            fork="os.fork()",
            spawn="subprocess.run(['true'])",
            exec="os.execv('/bin/true', ['true'])",
            kill="os.kill(os.getppid(), 0)",
            kill_all="os.kill(-1, 0)",
            chmod="os.chmod('.', 0o777)",
            limits=f"resource.prlimit({os.getpid()}, resource.RLIMIT_NOFILE)",
        )
    assert found == dict.fromkeys(found, "PermissionError")


@with_landlock
def test_landlock_alone_refuses_tcp_and_programs(folder: Path, tmp_path: Path) -> None:
    code = (
        "import os, socket, subprocess, sys\n"
        "from lstm_lab.exercises.sandbox import landlock\n"
        "landlock.restrict(['/usr', '/lib', '/lib64', *sys.path], [sys.argv[1]])\n"
        "for attempt in (lambda: socket.create_connection(('127.0.0.1', 1)), lambda: os.execv('/bin/true', ['true']),\n"
        "                lambda: os.kill(os.getppid(), 0)):\n"
        "    try: attempt()\n"
        "    except OSError as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code, str(folder)], capture_output=True, text=True)
    wanted = ["PermissionError"] * (3 if landlock.abi() >= 6 else 2)
    assert done.stdout.split()[: len(wanted)] == wanted, done.stderr


def test_what_the_work_needs_is_there(folder: Path) -> None:
    found = _outcomes(
        folder,
        arrays="float(np.linalg.norm(np.fft.fft(np.ones(4))))",
        library="__import__('lstm_ext').LSTM(3, 4, 5).__class__.__name__",
        written="open('new.txt', 'w').write('abc')",
        temporary="tempfile.TemporaryFile().write(b'ab')",
        threads="[t.join() for t in [threading.Thread(target=print)] if not t.start()]",
        random="len(os.urandom(4))",
        nothing="open(os.devnull, 'w').write('abc')",
        own_process="os.kill(os.getpid(), 0)",
    )
    assert found == {
        "arrays": "4.0",
        "library": "LSTM",
        "written": "3",
        "temporary": "2",
        "threads": "[None]",
        "random": "4",
        "nothing": "3",
        "own_process": "None",
    }
    assert not (folder / "__pycache__").exists()


def test_the_environment_does_not_leak(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    found = _outcomes(folder, names="sorted(os.environ)", home="os.environ['HOME']", stdin="sys.stdin.read()")
    assert "SECRET_TOKEN" not in found["names"] and "OPENBLAS_NUM_THREADS" in found["names"]
    assert found["home"].startswith(tempfile.gettempdir()) and not os.path.exists(found["home"])
    assert found["stdin"] == ""


def test_a_file_imports_from_its_own_folder_and_not_from_the_working_one(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere.py").write_text("")
    (folder / "beside.py").write_text("value = 5\n")
    monkeypatch.chdir(tmp_path)
    found = _outcomes(folder, beside="__import__('beside').value", elsewhere="__import__('elsewhere')")
    assert found == {"beside": "5", "elsewhere": "ModuleNotFoundError"}


def test_the_limits_are_in_force(folder: Path) -> None:
    found = _outcomes(
        folder,
        core="resource.getrlimit(resource.RLIMIT_CORE)",
        files="resource.getrlimit(resource.RLIMIT_NOFILE)[1]",
        size="resource.getrlimit(resource.RLIMIT_FSIZE)[1]",
        processor="resource.getrlimit(resource.RLIMIT_CPU)[0] <= 4 * 10 + 30",
        more="resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))" if os.geteuid() else "__import__('none')",
    )
    assert found["core"] == "(0, 0)" and found["files"] == "64" and found["size"] == str(64 << 20)
    assert found["processor"] == "True" and found["more"] in ("ValueError", "ModuleNotFoundError")


def test_the_confinement_is_told(folder: Path) -> None:
    with _loaded(folder, "x = 1\n") as started:
        assert started.confinement is not None
        assert started.confinement.landlock == landlock.abi()
        assert str(started.confinement).endswith("limits on time, memory, output and files")


def test_without_landlock_and_seccomp_it_runs_with_limits_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS."""
    without = (
        "import lstm_lab.exercises.sandbox as s, lstm_lab.exercises.sandbox.landlock, "
        "lstm_lab.exercises.sandbox.seccomp; s.landlock.restrict = lambda *_: 0; s.seccomp.restrict = lambda: False; "
    )
    monkeypatch.setattr(runner, "_PROGRAM", without + runner._PROGRAM)
    with _loaded(folder, "import os\nwith open(os.devnull) as file: pass\n") as started:
        assert str(started.confinement) == "limits on time, memory, output and files"


WAITING = "def wait():\n    pass\nimport threading\nprint('x')\nopen('ready', 'w').close()\nthreading.Event().wait()\n"


def _begun(folder: Path, source: str) -> tuple[SandboxRunner, threading.Thread, list[type[BaseException]]]:
    """A runner whose ``load`` is under way in a thread, and what it raises."""
    (folder / "mine.py").write_text(source)
    os.mkfifo(folder / "ready")
    started = SandboxRunner(folder / "mine.py")
    raised: list[type[BaseException]] = []

    def load() -> None:
        try:
            started.load()
        except BaseException as error:
            raised.append(type(error))

    thread = threading.Thread(target=load)
    thread.start()
    with open(folder / "ready") as ready:
        ready.read()
    return started, thread, raised


def test_close_ends_a_request_at_once_and_leaves_nothing(folder: Path) -> None:
    started, thread, raised = _begun(folder, WAITING)
    assert started._process is not None
    process, temporary = psutil.Process(started._process.pid), started._temporary
    assert os.path.isdir(temporary)
    started.close()
    thread.join(5)
    assert not thread.is_alive() and raised == [Cancelled]
    assert not process.is_running() and not os.path.exists(temporary)
    with pytest.raises((StudentError, Cancelled)):
        started.request("sandbox.guesses:guesses_in", [""])


def test_close_comes_before_the_start(folder: Path) -> None:
    (folder / "mine.py").write_text("x = 1\n")
    started = SandboxRunner(folder / "mine.py")
    started.close()
    with pytest.raises(Cancelled):
        started.load()
    assert started._process is None


def test_no_descriptor_is_left(folder: Path) -> None:
    def count() -> int:
        return psutil.Process().num_fds()

    _loaded(folder, "x = 1\n").close()
    before = count()
    for source in ("x = 1\n", "raise SystemExit\n", "import os\nos._exit(1)\n"):
        (folder / "mine.py").write_text(source)
        with SandboxRunner(folder / "mine.py") as started:
            started.load()
    assert count() == before


def test_a_crash_is_the_answer_to_what_is_asked_later(folder: Path) -> None:
    (folder / "mine.py").write_text("import os\nos._exit(3)\n")
    with SandboxRunner(folder / "mine.py") as started:
        crash = started.load()
        assert crash is not None and crash.message == "os._exit(3) was called"
        assert started.load() == crash
        with pytest.raises(StudentError) as caught:
            started.signature("f")
        assert caught.value.crash == crash


def test_it_answers_requests_of_other_modules(folder: Path) -> None:
    with _loaded(folder, "guess_loss = 9\n") as started:
        text = "guess_loss = -0.5\nguess_steps: int = 3\nguess_later = None\nguess_now = 1 / 0\n"
        assert started.request("sandbox.guesses:guesses_in", [text]) == {"loss": -0.5, "steps": 3.0}


def test_a_failure_of_our_own_in_the_child_is_told_as_such(folder: Path) -> None:
    with _loaded(folder, "x = 1\n") as started:
        with pytest.raises(GraderError, match=r"AttributeError: module .* has no attribute 'nothing'"):
            started.request("sandbox.guesses:nothing")
        assert started.request("sandbox.guesses:guesses_in", ["guess_x = 1"]) == {"x": 1.0}


def test_an_answer_that_is_forged_is_no_answer(folder: Path) -> None:
    source = """
import os, struct
for fd in range(3, 1000):
    try: os.write(fd, struct.pack(">II", 10, 0) + b"[[],[true]")
    except OSError: pass
"""
    (folder / "mine.py").write_text(source)
    with SandboxRunner(folder / "mine.py") as started, pytest.raises((StudentError, GraderError)):
        crash = started.load()
        if crash:
            raise StudentError(crash)


@pytest.mark.skipif(not hasattr(signal, "SIGXCPU"), reason="needs a limit on processor time")
def test_processor_time_of_threads_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "mine.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)\n")
    with SandboxRunner(folder / "mine.py") as started:
        crash = started.load()
    assert crash is not None and crash.kind == "time"


def test_arrays_and_texts_cross_unchanged(folder: Path) -> None:
    value = {"a": [np.array([[1.0, np.nan], [np.inf, -0.0]]), None, True, 3, -0.5, "é\ud800"], "b": {}}
    back = decode(encode(value))
    np.testing.assert_array_equal(back["a"][0], value["a"][0])
    assert back["a"][1:] == [None, True, 3, -0.5, "é?"] and back["b"] == {}


_ = Callable
