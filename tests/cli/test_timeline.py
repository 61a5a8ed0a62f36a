"""lstm-lab timeline, and train --timeline."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from cli.program import SMALL, Run, one_line

from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.timeline import load_timeline


@pytest.fixture
def way(run: Run, text: Path) -> str:
    options = ["--data", text, *SMALL, "--steps", 33, "--quiet", "--timeline", "way"]
    assert run("train", *options, "--checkpoint", "words")[0] == 0
    return "way.safetensors"


def test_training_keeps_the_weights_up_to_the_last_step(way: str) -> None:
    frames = load_timeline(way).frames
    assert [frame.step for frame in frames] == [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 30, 33]
    assert (frames[-1].parameters == load_checkpoint("words.safetensors").state.parameters).all()


def test_a_line_for_each_step(run: Run, way: str) -> None:
    status, out, err = run("timeline", way, "--prompt", "the", "--length", 30)
    assert (status, err) == (0, "")
    head, *lines = out.splitlines()
    assert head.split() == ["step", "loss", "after", "'the'"]
    timeline = load_timeline(way)
    written = timeline.write(timeline.model(), timeline.frames[7], "the", 30)
    assert lines[7] == f"{9:>7} {timeline.frames[7].loss:>6.3f}  {timeline.vocabulary.decode(written.symbols)}".rstrip()
    assert lines[0].split()[:2] == ["0", "-"]


def test_json_one_step_and_a_file(run: Run, way: str) -> None:
    status, out, _ = run("timeline", "way", "--prompt", "the", "--length", 30, "--json", "--output", "way.csv")
    found = json.loads(out)
    assert status == 0 and [entry["step"] for entry in found["steps"]][-3:] == [24, 30, 33]
    assert found["steps"][0]["loss"] is None and abs(sum(found["steps"][3]["next"].values()) - 1) < 1
    with open("way.csv", newline="") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [entry["text"] for entry in found["steps"]]
    status, out, _ = run("timeline", "way", "--prompt", "the", "--length", 30, "--step", 26)
    assert out == f"the{found['steps'][-3]['text']}\n"


@pytest.mark.parametrize(
    "arguments, status, message",
    [
        ([], 2, "F.safetensors: missing"),
        (["none"], 1, "none.safetensors: no such timeline"),
        (["words.safetensors"], 1, "is the checkpoint of a training run"),
        (["way", "--prompt", ""], 2, "--prompt: is empty"),
        (["way", "--prompt", "~"], 1, "--prompt: character '~'"),
        (["way", "--output", "x.txt"], 2, "--output: got x.txt"),
    ],
)
def test_what_cannot_be_told_is_one_line(run: Run, way: str, arguments: list[str], status: int, message: str) -> None:
    found, _, err = run("timeline", *arguments)
    assert found == status and message in one_line(err)


@pytest.mark.parametrize(
    "name, status, message",
    [
        ("a.txt", 2, "--timeline: got 'a.txt'"),
        ("words", 2, "which is the checkpoint"),
        ("no/way", 1, "there is no directory"),
    ],
)
def test_where_it_cannot_be_kept_is_told_before_training(
    run: Run, text: Path, name: str, status: int, message: str
) -> None:
    found, _, err = run("train", "--data", text, *SMALL, "--steps", 3, "--checkpoint", "words", "--timeline", name)
    assert found == status and message in one_line(err)
