"""lstm-lab replay."""

from __future__ import annotations

import json
from pathlib import Path

from cli.program import Run, in_terminal, one_line


def test_the_list_names_what_ships(run: Run) -> None:
    status, out, err = run("replay", "--list")
    assert (status, err) == (0, "")
    assert out.splitlines()[0].split(maxsplit=1) == ["forget-gate", "What does the forget gate do?"]


def test_plain_text_has_captions_with_times(run: Run) -> None:
    status, out, err = run("replay", "forget-gate", "--plain")
    assert (status, err) == (0, "")
    assert out.startswith("What does the forget gate do? (")
    assert " 0:00  What does the forget gate of an LSTM do?" in out
    assert "| Step · LSTM · 3 units · untrained" in out
    assert out.rstrip().endswith("The end.")


def test_wrong_use_and_wrong_files(run: Run, tmp_path: Path) -> None:
    assert "--list" in one_line(run("replay")[2])
    status, _, err = run("replay", "remember-gate", "--plain")
    assert (status, one_line(err)) == (
        1,
        "there is no lesson 'remember-gate' and no such file; the lab has forget-gate",
    )
    (tmp_path / "not.jsonl").write_text("hello\n")
    status, _, err = run("replay", tmp_path / "not.jsonl")
    assert status == 1 and one_line(err).endswith("not.jsonl: is no recorded lesson of this lab")
    assert run("replay", "forget-gate", "--cast", "a.cast", "--size", "10x10")[0] == 2


def test_without_a_terminal_the_line_names_what_works(run: Run) -> None:
    status, _, err = run("replay", "forget-gate")
    assert status == 2
    assert one_line(err).endswith("`lstm-lab replay NAME --plain` works without one")


def test_a_recording_never_replaces_a_file(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("precious")
    status, out = in_terminal("lab", "--record", "mine.jsonl", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    assert status == 1 and "there is such a file already" in out
    assert (tmp_path / "mine.jsonl").read_text() == "precious"
    status, out = in_terminal("lab", "--record", "mine.txt", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path))
    assert status == 1 and "NAME.jsonl" in out


def test_a_lesson_with_a_damaged_network_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    from lstm_lab.lessons.log import load_lesson

    shipped = load_lesson("forget-gate")
    state = shipped.tracks["state"].values[0]
    lines = ['{"format": "lstm-lab lesson", "version": 1, "title": "", "lab": ""}', json.dumps([0, "state", state])]
    lines.append(json.dumps([0, "net", {"run": 1, "step": 0, "checkpoint": "AAAA"}]))
    (tmp_path / "broken.jsonl").write_text("\n".join(lines) + "\n")
    status, _, err = run("replay", tmp_path / "broken.jsonl", "--cast", tmp_path / "a.cast")
    assert status == 1 and one_line(err).startswith("the network that was recorded at step 0 cannot be shown: ")
    assert not (tmp_path / "a.cast").exists()
