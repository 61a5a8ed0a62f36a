"""``lstm-lab learn``: from the list to a passed exercise, in plain text, and every mistake on the way."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.program import ENV, LAB, Run, in_terminal, one_line
from hostile import HOSTILE, hidden_in

from lstm_lab.exercises.catalogue import exercises
from lstm_lab.exercises.progress import Progress

CLIP = "clip_gradients"
FILE = Path("lstm-exercises") / exercises()[CLIP].file
MARKER = f"# lstm-lab exercise: {CLIP}\n"
BY_VALUE = MARKER + (
    "import numpy as np\ndef clip_gradients(grads, max_norm):\n"
    "    return [np.clip(g, -max_norm, max_norm) for g in grads]\n"
)
RIGHT = MARKER + exercises()[CLIP].solution


@pytest.fixture(autouse=True)
def state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("lstm_lab.cli.progress.NEW_LINE", 1e9)  # on a busy machine a check may take long


def test_from_the_list_to_a_passed_exercise(run: Run) -> None:
    status, out, err = run("learn")
    assert (status, err) == (0, "")
    assert out.startswith(f"The course: 0 of {len(exercises())} passed\n")
    first = next(iter(exercises()))
    assert f"\nNext: lstm-lab learn start {first}\n" in out

    status, out, err = run("learn", "start", CLIP)
    assert (status, err) == (0, "")
    assert f"Your file: ./{FILE}\n" in out and f"lstm-lab learn check {CLIP}" in out
    assert FILE.read_text().startswith(MARKER)

    status, out, err = run("learn", "check")
    assert (status, err) == (1, "")
    assert "✓ runs  ✓ names  ✗ shape  · purity  · values  · edge cases\n" in out
    assert 'raise NotImplementedError("clip_gradients")' in out

    FILE.write_text(BY_VALUE)
    status, out, err = run("learn", "check", "clip")
    assert (status, err) == (1, "")
    assert "✓ purity  ✗ values  · edge cases\n" in out
    assert "Likely cause: Each entry is limited by itself" in out
    assert re.search(r"got +clipped\[0\]\[\d\] = -?0\.7\n", out)
    assert f"lstm-lab learn hint {CLIP}   hint 1 of 3 for values\n" in out

    FILE.write_text(RIGHT)
    status, out, err = run("learn", "check", FILE)
    assert (status, err) == (0, "")
    assert "✓ edge cases\n" in out and "Passed. 3 tries, under a minute.\n" in out
    assert f"lstm-lab learn solution {CLIP}" in out
    assert run("learn", "solution", CLIP)[:2] == (0, exercises()[CLIP].solution)
    assert run("learn", "list")[1].startswith("The course: 1 of ")


@pytest.mark.slow
def test_hints_go_deeper_and_follow_the_file(run: Run) -> None:
    run("learn", "start", CLIP)
    told = [run("learn", "hint")[1] for _ in range(4)]
    hints = exercises()[CLIP].hints
    for level, out in zip((1, 2, 3, 3), told, strict=True):
        assert out.startswith(f"{CLIP}, shape: hint {level} of 3\n")
        assert " ".join(out.split()).find(hints["shape"][level - 1]) > 0
    FILE.write_text(BY_VALUE)
    assert run("learn", "hint", CLIP)[1].startswith(f"{CLIP}, values: hint 1 of 3\n")
    FILE.write_text("def clip(:\n")
    status, out, _ = run("learn", "hint", CLIP)  # no hints for that: the finding says it all
    assert status == 0 and "✗ runs" in out and "line 1" in out
    FILE.write_text(RIGHT)
    assert "Passed." in run("learn", "hint", CLIP)[1]
    assert [a.rung for a in Progress().record(CLIP).attempts] == ["shape", "values", "runs", ""]


def test_an_exercise_of_questions(run: Run) -> None:
    run("learn", "start", "unrolling")
    sheet = Path("lstm-exercises") / exercises()["unrolling"].file
    sheet.write_text(sheet.read_text().replace("arrows = ...", 'arrows = "ac"').replace("uses = ...", "uses = 'T'"))
    status, out, err = run("learn", "check", "unrolling")
    assert (status, err) == (1, "")
    assert "✗ arrows  ✓ uses  · multiplications" in out
    assert "✗ arrows (line 12)\n    Not c. " in out
    assert "5 questions to be answered; the next is multiplications, line 22.\n" in out
    assert "hint 1 of 3 for arrows" in out


def test_the_solution_is_closed_until_one_gives_up(run: Run) -> None:
    status, out, err = run("learn", "solution", CLIP)
    assert (status, out) == (1, "")
    assert one_line(err) == (
        f"{CLIP}: the solution opens when you pass, or with `lstm-lab learn solution {CLIP} --give-up`"
    )
    assert run("learn", "solution", CLIP, "--give-up")[:2] == (0, exercises()[CLIP].solution)
    assert Progress().record(CLIP).gave_up
    assert "gave up" in run("learn", "progress")[1]


@pytest.mark.slow
def test_on_a_terminal_giving_up_is_asked_for(tmp_path: Path) -> None:
    ask = (
        "import os, pty, sys\n"
        "pid, terminal = pty.fork()\n"
        f"if not pid: os.execv(sys.executable, [sys.executable, '-m', 'lstm_lab', 'learn', 'solution', '{CLIP}', "
        "'--give-up'])\n"
        "os.write(terminal, sys.argv[1].encode() + b'\\n')\n"
        "output = b''\n"
        "try:\n"
        "    while data := os.read(terminal, 4096): output += data\n"
        "except OSError: pass\n"
        "print(output.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    env = {**ENV, "XDG_STATE_HOME": str(tmp_path), "TERM": "dumb"}

    def answered(answer: str) -> str:
        command = [*LAB[:1], "-c", ask, answer]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=True).stdout

    out = answered("n")
    assert "Your progress will say so. [y/N]" in out and out.endswith(" 1\n") and "def clip_gradients" not in out
    out = answered("y")
    assert "def clip_gradients" in out and out.endswith(" 0\n")


def test_reset_keeps_a_copy(run: Run) -> None:
    run("learn", "start", CLIP)
    FILE.write_text(BY_VALUE)
    status, out, err = run("learn", "reset", "clip")
    kept = FILE.with_name(FILE.stem + ".old-1.py")
    assert (status, err) == (0, "")
    assert out.splitlines() == [f"./{FILE} is as it was at the beginning.", f"What you had is kept as ./{kept}"]
    assert kept.read_text() == BY_VALUE and "NotImplementedError" in FILE.read_text()


def test_the_folder_is_the_learners_choice(run: Run, tmp_path: Path) -> None:
    assert run("learn", "start", CLIP, "--folder", "a/b")[0] == 0
    assert (tmp_path / "a" / "b" / FILE.name).is_file()
    (tmp_path / "a" / "b" / FILE.name).rename(tmp_path / "a" / "b" / "mine.py")
    assert "✗ shape" in run("learn", "check", CLIP)[1]
    assert "Already there, and left as it is: ./a/b/mine.py\n" in run("learn", "start", CLIP)[1]


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        ("check nothing", 2, "exercise: got 'nothing', expected a number from 1 to "),
        ("start 0", 2, "exercise: got '0', expected a number from 1 to "),
        ("show", 2, "the following arguments are required: ID"),
        ("chekc", 2, "invalid choice: 'chekc'"),
        ("check --nothing", 2, "unrecognized arguments: --nothing"),
        ("check", 1, "lstm-exercises: no exercise is there; `lstm-lab learn start` puts one there, and --folder DIR"),
        ("check clip", 1, "clip_gradients: no file for it in "),
        ("check other.py", 1, "other.py: whose exercise is this? Its first line should say"),
        ("start clip --folder other.py", 1, "other.py: is a file, expected a folder; choose another folder"),
        ("start clip --folder=", 2, "--folder: is empty; expected a folder"),
        ("export x.pdf", 2, "FILE: got 'x.pdf', expected a name that ends in .json or .csv"),
        ("export none/x.json", 1, "none"),
        ("export --verify", 2, "FILE: missing; expected the file to verify"),
        ("export --verify other.py", 1, "other.py: not an export of lstm-lab's progress: "),
        ("author-check nothing", 2, "exercise: got 'nothing', expected"),
        ("author-check --seeds 0", 2, "--seeds: got '0', expected a whole number of at least 1"),
    ],
)
def test_a_mistake_is_one_clear_line(command: str, status: int, message: str, run: Run) -> None:
    Path("other.py").write_text("x = 1\n")
    got, out, err = run("learn", *command.split())
    assert (got, out) == (status, "")
    assert message in one_line(err)


def test_json_for_editors(run: Run) -> None:
    run("learn", "start", CLIP)
    FILE.write_text(BY_VALUE)
    status, out, err = run("learn", "check", "--json")
    report = json.loads(out)
    assert (status, err, report["passed"], report["exercise"]) == (1, "", False, CLIP)
    broken = next(rung for rung in report["rungs"] if rung["status"] == "failed")
    assert (broken["name"], broken["finding"]["code"]) == ("values", "by-value")
    assert report["file"].endswith(str(FILE))


def test_the_export_goes_to_a_file_or_out(run: Run) -> None:
    run("learn", "start", CLIP)
    run("learn", "check")
    status, out, err = run("learn", "export")
    assert (status, err) == (0, "")
    assert json.loads(out)["checksum"].startswith("sha256:")
    assert run("learn", "export", "mine.json") == (0, "", "lstm-lab: wrote mine.json\n")
    assert re.fullmatch(
        rf"mine.json: as it was written on \S+; 0 of {len(exercises())} passed\n",
        run("learn", "export", "--verify", "mine.json")[1],
    )
    Path("mine.json").write_text(Path("mine.json").read_text().replace('"passed": 0', '"passed": 9'))
    status, _, err = run("learn", "export", "--verify", "mine.json")
    assert status == 1 and "mine.json: the checksum does not fit" in one_line(err)
    run("learn", "export", "mine.csv")
    assert len(Path("mine.csv").read_text().splitlines()) == 1 + len(exercises())


def test_what_progress_has_to_say_is_said(run: Run, tmp_path: Path) -> None:
    state = tmp_path / "state" / "lstm-lab" / "progress.json"
    state.parent.mkdir(parents=True)
    state.write_text("{")
    status, out, err = run("learn", "list")
    assert status == 0 and out.startswith("The course: 0 of ")
    assert err == (
        f"lstm-lab: {state} is damaged: nothing in it can be read, so progress begins anew; "
        "the file is kept as progress.old-1.json\n"
    )
    assert run("learn", "list")[2] == ""


def test_a_failure_of_the_grader_is_no_fault_of_the_learner(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: object) -> None:
        raise RuntimeError("the solution does not run")

    monkeypatch.setattr("lstm_lab.exercises.check.Check._graded", fails)
    run("learn", "start", CLIP)
    status, out, err = run("learn", "check", CLIP)
    assert status == 70
    assert "The grader itself failed; this is not your mistake" in out
    found = re.fullmatch(r"lstm-lab: the grader's traceback is in (\S+)\n", err)
    assert found and "the solution does not run" in Path(found[1]).read_text()
    assert Progress().record(CLIP).attempts == ()


def test_hostile_output_does_not_reach_the_terminal(run: Run) -> None:
    run("learn", "start", CLIP)
    FILE.write_text(
        BY_VALUE.replace("    return", f"    print({HOSTILE!r})\n    raise ValueError({HOSTILE!r})\n    return")
    )
    status, out, _ = run("learn", "check", CLIP)
    assert status == 1 and "a\\x1b]0;owned" in out, out
    assert hidden_in(out) == set()


def test_the_editor_opens_the_file(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\necho "$1" >> "$2"\n')
    editor.chmod(0o755)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", f"'{editor}' '# edited'")
    assert run("learn", "start", CLIP, "--edit")[0] == 0
    assert FILE.read_text().endswith("# edited\n")
    monkeypatch.setenv("VISUAL", "/no/such/editor --wait")
    status, _, err = run("learn", "start", CLIP, "--edit")
    assert status == 1
    assert one_line(err) == (
        "VISUAL: got '/no/such/editor --wait', which is no program here; expected an editor, such as nano"
    )


@pytest.mark.slow
def test_a_terminal_without_unicode_gets_ascii(tmp_path: Path) -> None:
    env = {**ENV, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONIOENCODING": "ascii", "TERM": "dumb"}
    for command in ("learn", "learn show clip", "learn show build"):
        result = subprocess.run([*LAB, *command.split()], cwd=tmp_path, env=env, capture_output=True)
        assert (result.returncode, result.stderr) == (0, b"")
        assert result.stdout.isascii()


@pytest.mark.slow
def test_numbers_wait_for_a_guess(run: Run) -> None:
    run("learn", "start", "build_lstm")
    file = Path("lstm-exercises") / exercises()["build_lstm"].file
    solved = f"# lstm-lab exercise: build_lstm\n{exercises()['build_lstm'].solution}"
    file.write_text(solved)
    first, second = (prediction.name for prediction in exercises()["build_lstm"].predictions)
    out = run("learn", "check")[1]
    assert "Measured: 2 numbers wait for your guesses." in out and "Passed." in out
    file.write_text(f"{solved}\nguess_{first} = 300\n")
    out = " ".join(run("learn", "check")[1].split())
    assert f"{first}: you guessed 300, measured " in out or f"{first}: you guessed 300 " in out
    assert f"Measured: a number waits for your guess. Write guess_{second} in your file" in out
    assert f"{second}: no guess, measured " in " ".join(run("learn", "check", "--reveal")[1].split())
    shown = run("learn", "progress")[1]
    assert "you guessed 300" in shown and "no guess" in shown


@pytest.mark.slow
@pytest.mark.parametrize("columns", [40, 80])
def test_lines_fit_the_terminal(columns: int, tmp_path: Path) -> None:
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb", "COLUMNS": str(columns)}
    (tmp_path / "lstm-exercises").mkdir()
    (tmp_path / FILE).write_text(BY_VALUE)
    long = ("learn check", "learn show clip", "learn hint", "learn progress", "learn list", "learn check unroll")
    for command in long:
        _, out = in_terminal(*command.split(), cwd=tmp_path, columns=columns, **state)
        lines = [line for line in out.splitlines() if "lstm-lab" not in line and line]
        code = command == "learn show clip"  # code stays as it is
        assert code or all(len(line) <= columns for line in lines), out
        assert "\x1b" not in out


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``learn watch`` on a file that is wrong."""
    env = {**ENV, "XDG_STATE_HOME": str(tmp_path / "state"), "PYTHONUNBUFFERED": "1"}
    (tmp_path / "lstm-exercises").mkdir()
    (tmp_path / FILE).write_text(BY_VALUE)
    process = subprocess.Popen(
        [*LAB, "learn", "watch"], cwd=tmp_path, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    guard = threading.Timer(120, process.kill)
    guard.start()
    yield process
    guard.cancel()
    process.kill()
    process.communicate()


def read_until(process: subprocess.Popen[str], wanted: str) -> str:
    """What it writes, up to a line with ``wanted``."""
    assert process.stdout
    seen = ""
    for line in process.stdout:
        seen += line
        if wanted in line:
            return seen
    raise AssertionError(f"{wanted!r} did not come: {seen}")


@pytest.mark.slow
def test_watch_checks_whatever_is_saved(watched: subprocess.Popen[str], tmp_path: Path) -> None:
    assert "✗ values" in read_until(watched, "lstm-lab learn hint")
    endless = BY_VALUE.replace("    return", "    while True: pass\n    return")
    (tmp_path / FILE).write_text(endless)
    # The check of the endless program is cancelled by the next save, which comes as a replaced file.
    (tmp_path / "new").write_text(RIGHT)
    (tmp_path / "new").replace(tmp_path / FILE)
    out = read_until(watched, "Passed.")
    assert "✗" not in out
    (tmp_path / FILE).rename(tmp_path / "lstm-exercises" / "mine.py")
    assert "mine.py" in read_until(watched, "✓ runs")
    watched.send_signal(signal.SIGINT)
    assert watched.wait(timeout=60) == 130
    assert watched.stderr
    first, *others = watched.stderr.read().splitlines()
    assert "Ctrl-C ends" in first and all(line.startswith("checking ") for line in others)


@pytest.mark.slow
def test_a_save_cancels_the_check_under_way(watched: subprocess.Popen[str], tmp_path: Path) -> None:
    read_until(watched, "lstm-lab learn hint")
    flag = tmp_path / "lstm-exercises" / "running"
    endless = f"    open({str(flag)!r}, 'w').close()\n    while True: pass\n    return"
    (tmp_path / FILE).write_text(BY_VALUE.replace("    return", endless))
    while not flag.exists():
        assert watched.poll() is None
    (tmp_path / FILE).write_text(RIGHT)
    out = read_until(watched, "Passed.")
    assert "✗" not in out and "did not come to an end" not in out


def test_author_check_prints_complaints_and_counts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    status, out, err = run("learn", "author-check", CLIP, "--seeds", "1")
    assert (status, err) == (0, "")
    assert re.fullmatch(r"exercises 1, mutants 11, ways of being right \d\d, complaints 0\n", out)
    monkeypatch.setattr("lstm_lab.exercises.authoring.MIN_MUTANTS", 12)
    status, out, _ = run("learn", "author-check", CLIP, "unrolling", "--seeds", "1")
    assert status == 1
    assert out.splitlines()[0] == f"{CLIP}: mutants: 11, wanted are 12"
    assert out.splitlines()[1].startswith("exercises 2, mutants 11, ") and out.endswith(", complaints 1\n")
