"""lstm-lab train: what it prints and keeps, how it resumes, and what it refuses."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.program import SMALL, Run, one_line, start, write

from lstm_ext.data import load_text
from lstm_ext.engine.config import ModelConfig
from lstm_ext.train.checkpoint import load_checkpoint, save_checkpoint
from lstm_ext.train.schedule import Plan
from lstm_ext.train.trainer import Trainer
from lstm_lab.cli.progress import fitting
from lstm_lab.cli.training import training_fields


def test_train_prints_one_json_object(run: Run, text: Path) -> None:
    status, out, err = run("train", "--data", text, *SMALL, "--steps", 30, "--json")
    assert status == 0
    result = json.loads(out)
    assert result["steps"] == 30
    assert result["checkpoint"] == "words-lstm.safetensors"
    assert 0 < result["val_loss"] < 4
    assert 0 < result["train_loss"] < 4
    assert result["bits_per_char"] == pytest.approx(result["val_loss"] / math.log(2))
    assert result["perplexity"] == pytest.approx(math.exp(result["val_loss"]))
    assert result["chars_per_second"] > 0
    assert result["seconds"] > 0
    vocabulary = len(load_text(str(text)).vocabulary)
    assert result["parameters"] == 4 * 8 * (8 + vocabulary + 1) + vocabulary * (8 + 1)
    assert result["ngram_losses"]["bigram"] < result["ngram_losses"]["unigram"]
    assert "step 30/30" in err  # progress is for the eyes, not for the parser


def test_train_says_what_is_wrong_and_what_to_do(run: Run, text: Path) -> None:
    stuck = ("train", "--data", text, *SMALL, "--steps", 520, "--lr", 1e-7)
    status, out, err = run(*stuck)
    assert status == 0
    assert err.count("lstm-lab: not learning: after 5") == 1  # told once
    assert "Raise the learning rate to 0.001." in err
    assert "diagnosis        not learning: after 520 steps the loss is still " in out
    assert "what to do       raise the learning rate to 0.001\n" in out
    result = json.loads(run(*stuck, "--json", "--quiet")[1])
    assert result["diagnosis"]["name"] == "not learning"
    assert result["diagnosis"]["fix"] == "raise the learning rate to 0.001"
    healthy = json.loads(run("train", "--data", text, *SMALL, "--steps", 20, "--json", "--quiet")[1])
    assert healthy["diagnosis"] is None


def test_quiet_json_says_nothing_else(run: Run, text: Path) -> None:
    status, out, err = run("train", "--data", text, *SMALL, "--steps", 3, "--json", "--quiet")
    assert (status, err, out.count("\n")) == (0, "", 1)


def test_train_ends_with_a_summary(run: Run, text: Path) -> None:
    status, out, err = run(
        "train", "--data", text, *SMALL, "--steps", 20, "--cell", "gru", "--checkpoint", "g.safetensors"
    )
    assert (status, err) == (0, "")
    assert "characters to learn from, the last" in out
    for label in ("training loss", "validation loss", "n-grams", "speed", "GRU with 8 units"):
        assert label in out
    assert "perplexity" in out
    assert out.endswith("lstm-lab generate --checkpoint g.safetensors\n")


def test_no_limit_means_a_minute_and_says_so(run: Run, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lab.cli.commands.train.DEFAULT_SECONDS", 0.2)
    status, out, _ = run("train", "--data", text, *SMALL)
    assert status == 0
    assert "no limit given: training for 0.2 seconds" in out


def test_options_reach_the_network_and_the_trainer(run: Run, text: Path) -> None:
    options = ["--cell", "lstm", "--num-layers", 2, "--peephole", "--coupled", "--dropout", 0.25, "--dtype", "float64"]
    options += ["--optimizer", "rmsprop", "--lr", 0.005, "--clip-norm", 1.5, "--seed", 7, "--validation", 0.2]
    options += ["--eval-every", 4, "--checkpoint-every", 9, "--forget-bias", 2.5, "--threads", 2]
    options += ["--schedule", "linear", "--warmup", 3, "--average", 0.3, "--patience", 5, "--reset-every", 6]
    assert run("train", "--data", text, *SMALL, *options, "--steps", 1, "--checkpoint", "m.safetensors")[0] == 0
    saved = load_checkpoint("m.safetensors")
    size = len(saved.vocabulary)
    assert saved.config == ModelConfig(
        size, 8, size, num_layers=2, peephole=True, coupled=True, dropout=0.25, dtype="float64"
    )
    config = saved.trainer_config
    assert (config.seq_length, config.batch_size, config.lr, config.seed) == (7, 3, 0.005, 7)
    assert (config.validation, config.eval_every, config.checkpoint_every) == (0.2, 4, 9.0)
    assert (config.optimizer.kind, config.optimizer.clip_norm) == ("rmsprop", 1.5)
    assert (config.schedule, config.warmup, config.average, config.patience) == ("linear", 3, 0.3, 5)
    assert config.reset_every == 6
    assert saved.model().weights()["layers.0.b"][8:16] == pytest.approx(2.5, abs=0.03)


def test_large_networks_get_dropout_unless_told_otherwise(run: Run) -> None:
    for options, dropout in (([200], 0.2), ([199], 0.0), ([200, "--dropout", 0.0], 0.0), ([8, "--dropout", 0.1], 0.1)):
        options = ["--hidden-size", *options, "--seq-length", 2, "--batch-size", 1, "--checkpoint", "m.safetensors"]
        assert run("train", "--data", "hello", *options, "--steps", 1, "--quiet")[0] == 0
        assert load_checkpoint("m.safetensors").config.dropout == dropout


@pytest.mark.parametrize(
    ("limits", "schedule"),
    [
        (["--seconds", 0.1], "cosine"),
        (["--steps", 2], "constant"),
        (["--seconds", 9, "--steps", 2], "constant"),
        (["--epochs", 0.1], "constant"),
        (["--steps", 2, "--schedule", "linear"], "linear"),
    ],
    ids=str,
)
def test_the_learning_rate_goes_down_where_the_time_is_limited(
    limits: list[Any], schedule: str, run: Run, text: Path
) -> None:
    run("train", "--data", text, *SMALL, *limits, "--checkpoint", "m.safetensors", "--quiet")
    assert load_checkpoint("m.safetensors").trainer_config.schedule == schedule


def test_the_best_network_is_kept_and_training_ends_early(run: Run, text: Path) -> None:
    """A learning rate that spoils it after a good start."""
    options = [*SMALL, "--eval-every", 20, "--average", 0, "--checkpoint", "m.safetensors"]
    run("train", "--data", text, *options, "--steps", 400, "--quiet")
    resume = ["train", "--resume", "--checkpoint", "m.safetensors"]
    status, out, _ = run(*resume, "--lr", 3, "--patience", 3, "--steps", 900)
    assert status == 0
    assert "of step 400, whose weights are kept; at the end" in out
    assert "stopped early: no better validation in 3 evaluations" in out
    assert load_checkpoint("m.safetensors").state.step == 460

    _, out, _ = run(*resume, "--steps", 900, "--json", "--quiet")
    result = json.loads(out)
    assert (result["steps"], result["val_step"]) == (460, 400)
    assert result["val_loss"] < result["last_val_loss"]
    assert result["bits_per_char"] == pytest.approx(result["val_loss"] / math.log(2))
    _, out, _ = run("eval", "--checkpoint", "m.safetensors", "--json")
    assert json.loads(out)["loss"] == pytest.approx(result["val_loss"], rel=1e-6)
    assert "after 460 steps" in run("eval", "--checkpoint", "m.safetensors")[1]
    assert "the best of them that of step 400" in run("eval", "--checkpoint", "m.safetensors")[1]


def test_resume_without_limits_goes_on_to_the_end_that_was_given(run: Run, text: Path) -> None:
    checkpoint = ["--checkpoint", "m.safetensors"]
    run("train", "--data", text, *SMALL, *checkpoint, "--steps", 10, "--quiet")
    saved = load_checkpoint("m.safetensors")
    saved.state.plan = Plan(total_steps=25)
    save_checkpoint(saved, "m.safetensors")
    status, out, _ = run("train", "--resume", *checkpoint)
    assert status == 0
    assert "continuing to step 25, the end that the run was given" in out
    assert load_checkpoint("m.safetensors").state.step == 25


def test_epochs_are_passes_over_the_training_text(run: Run, text: Path) -> None:
    _, out, _ = run("train", "--data", text, *SMALL, "--epochs", 2, "--json", "--quiet")
    result = json.loads(out)
    trained_on = int(len(load_text(str(text))) * 0.9)
    assert result["steps"] == 2 * math.ceil(math.ceil((trained_on - 1) / 3) / 7)
    assert result["epochs"] == 2


def test_resume_gives_the_losses_of_an_uninterrupted_run(run: Run, text: Path) -> None:
    # A step count that ends inside an epoch; dropout and momentum are part of what must continue.
    options = [*SMALL, "--dropout", 0.3, "--eval-every", 20, "--json", "--quiet"]
    _, whole, _ = run("train", "--data", text, *options, "--steps", 160, "--checkpoint", "whole.safetensors")
    _, part, _ = run("train", "--data", text, *options, "--steps", 70, "--checkpoint", "part.safetensors")
    status, rest, _ = run(
        "train", "--data", text, *options, "--steps", 160, "--checkpoint", "part.safetensors", "--resume"
    )
    assert status == 0
    whole, part, rest = (json.loads(result) for result in (whole, part, rest))
    assert (part["steps"], rest["steps"]) == (70, 160)
    assert (rest["train_loss"], rest["val_loss"]) == (whole["train_loss"], whole["val_loss"])
    assert rest["train_loss"] != part["train_loss"]
    np.testing.assert_array_equal(
        load_checkpoint("part.safetensors").state.parameters, load_checkpoint("whole.safetensors").state.parameters
    )


def test_resume_needs_no_other_option(run: Run, text: Path) -> None:
    run("train", "--data", text, *SMALL, "--steps", 5, "--quiet")
    status, out, _ = run(
        "train", "--resume", "--checkpoint", "words-lstm.safetensors", "--steps", 9, "--json", "--quiet"
    )
    assert (status, json.loads(out)["steps"]) == (0, 9)
    # Limits count from the start: what is reached already is not done again.
    status, out, _ = run(
        "train", "--resume", "--checkpoint", "words-lstm.safetensors", "--steps", 9, "--json", "--quiet"
    )
    assert (status, json.loads(out)["steps"]) == (0, 9)


def test_resume_keeps_its_network_but_takes_a_new_rate(run: Run, text: Path) -> None:
    run("train", "--data", text, *SMALL, "--steps", 5, "--quiet")
    status, _, err = run("train", "--data", text, "--resume", "--hidden-size", 9, "--steps", 6)
    assert status == 2
    assert one_line(err).startswith("--hidden-size: got 9, but words-lstm.safetensors has 8")
    assert run("train", "--data", text, "--resume", "--lr", 0.5, "--clip-norm", 2, "--steps", 6, "--quiet")[0] == 0
    saved = load_checkpoint("words-lstm.safetensors")
    assert (saved.state.step, saved.state.lr, saved.trainer_config.optimizer.clip_norm) == (6, 0.5, 2.0)
    assert saved.trainer_config.optimizer.kind == "adam"


def test_a_text_that_has_changed_is_named(run: Run) -> None:
    """By its hash: the name is the same."""
    path = Path("words.txt")
    path.write_text("he said she said " * 60)
    first = load_text("words.txt").sha256[:8]
    checkpoint = ["--checkpoint", "m.safetensors"]
    run("train", "--data", "words.txt", *SMALL, "--steps", 2, *checkpoint, "--quiet")
    path.write_text("she said he said " * 60)
    second = load_text("words.txt").sha256[:8]
    told = f"trained on words.txt (hash {first}), {{}} words.txt (hash {second})"

    _, out, _ = run("eval", *checkpoint)
    assert f"note        {told.format('measured on')}\n" in out
    assert "n-grams" not in out
    _, out, _ = run("eval", *checkpoint, "--json")
    assert json.loads(out)["message"] == told.format("measured on")

    _, out, err = run("train", "--resume", *checkpoint, "--steps", 4)
    assert err == f"lstm-lab: {told.format('continuing on')}\n" and "hash" not in out
    # From now on it is the text that was learned.
    _, out, _ = run("train", "--resume", *checkpoint, "--steps", 6, "--json", "--quiet")
    assert json.loads(out)["message"] == ""
    assert "note" not in run("eval", *checkpoint)[1]


def test_a_new_run_keeps_the_old_checkpoints_aside(run: Run, text: Path) -> None:
    arguments = ("train", "--data", text, *SMALL, "--checkpoint", "m")  # without a suffix it gets one
    run(*arguments, "--steps", 5, "--quiet")
    os.chmod("m.safetensors", 0o600)
    for number, steps in enumerate((2, 3), 1):
        _, out, _ = run(*arguments, "--steps", steps)
        assert f"m.safetensors was there: kept as m.old-{number}.safetensors" in out
    names = ["m.old-1.safetensors", "m.old-2.safetensors", "m.safetensors"]
    assert sorted(os.listdir()) == names
    assert [load_checkpoint(name).state.step for name in names] == [5, 2, 3]
    assert {os.stat(name).st_mode & 0o777 for name in names} == {0o600}


@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_two_processes_do_not_write_one_checkpoint(more: list[str], run: Run, text: Path, tmp_path: Path) -> None:
    arguments = ("train", "--data", text, *SMALL, "--checkpoint", "m.safetensors")
    first = start(*arguments, "--seconds", 60, "--checkpoint-every", 0.01, cwd=tmp_path)
    try:
        assert first.stdout is not None and any(line.startswith("step ") for line in first.stdout)
        status, out, err = run(*arguments, *more)
        assert (status, out) == (1, "")
        assert f"m.safetensors: process {first.pid} on " in one_line(err)
    finally:
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=60)
    assert os.listdir() == ["m.safetensors"]
    assert run(*arguments, "--resume", "--seconds", 0.1, "--quiet")[0] == 0


@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_weights_never_replace_another_kind_of_file(more: list[str], run: Run, text: Path) -> None:
    write("notes.txt", b"mine")
    status, _, err = run("train", "--data", text, *SMALL, "--steps", 1, "--checkpoint", "notes.txt", *more)
    assert status == 2
    assert (
        one_line(err)
        == "--checkpoint: got 'notes.txt', expected a file name that ends in .safetensors or has no suffix"
    )
    assert Path("notes.txt").read_bytes() == b"mine"


def test_a_full_disk_stops_training_before_it_starts(run: Run, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("train", "--data", text, *SMALL, "--steps", 5, "--checkpoint", "m.safetensors", "--quiet")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    status, _, err = run("train", "--data", text, *SMALL, "--steps", 2, "--checkpoint", "m.safetensors", "--quiet")
    assert status == 1
    assert "no space left" in one_line(err)
    assert sorted(os.listdir()) == ["m.safetensors"]
    assert load_checkpoint("m.safetensors").state.step == 5


def test_a_disk_that_fills_up_ends_with_an_error(run: Run, text: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fsync = os.fsync
    written = []

    def fills_up(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) > 2:  # the first checkpoint is one file and its directory
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", fills_up)
    status, out, err = run("train", "--data", text, *SMALL, "--steps", 4, "--json", "--quiet")
    assert (status, json.loads(out)["steps"]) == (1, 4)
    assert "no space left" in one_line(err)
    assert load_checkpoint("words-lstm.safetensors").state.step == 0


BAD_TRAINING: list[tuple[list[str], int, str]] = [
    ([], 2, "--data: missing"),
    (["--data", "nowhere.txt"], 1, "nowhere.txt: no such file"),
    (["--data", "folder"], 1, "folder: is a directory"),
    (["--data", "empty"], 1, "empty: is empty"),
    (["--data", "short"], 1, "short: has 1 character, expected at least 2"),
    (["--data", "binary"], 1, "byte 0x00 at offset 4"),
    (["--data", "latin"], 1, "byte 0xe9 at offset 3 is not UTF-8"),
    (["--data", "latin", "--encoding", "klingon"], 1, "--encoding: got 'klingon', expected utf-8, latin-1"),
    (["--data", "hello", "--hidden-size", "-3"], 2, "--hidden-size: got '-3', expected a whole number of at least 1"),
    (["--data", "hello", "--hidden-size", "2.5"], 2, "--hidden-size: got '2.5', expected a whole number"),
    (
        ["--data", "hello", "--hidden-size", "99999999999"],
        2,
        "--hidden-size: got '99999999999', expected a whole number of at most",
    ),
    (["--data", "hello", "--hidden-size", "1000000000"], 1, "--hidden-size: got 1000000000, which needs"),
    (["--data", "hello", "--num-layers", "2000000000"], 1, "--num-layers: got 2000000000, which needs"),
    (["--data", "hello", "--batch-size", "2000000000"], 1, "--batch-size: got 2000000000, which needs"),
    (["--data", "hello", "--lr", "nan"], 2, "got 'nan', expected a finite number above 0"),
    (["--data", "hello", "--lr", "0"], 2, "got '0', expected a finite number above 0"),
    (["--data", "hello", "--lr", "inf"], 2, "got 'inf', expected a finite number above 0"),
    (["--data", "hello", "--dropout", "1"], 2, "--dropout: got '1', expected a number in [0, 1)"),
    (["--data", "hello", "--steps", "0"], 2, "--steps: got '0'"),
    (["--data", "hello", "--steps"], 2, "--steps: expected one argument"),
    (["--data", "hello", "--cell", "elman"], 2, "--cell: invalid choice: 'elman'"),
    (["--data", "hello", "--cell", "gru", "--peephole"], 2, "--peephole: got True for cell 'gru'"),
    (["--data", "hello", "--reset-after"], 2, "--reset-after: got True for cell 'lstm'"),
    (["--data", "hello", "--hiden-size", "3"], 2, "unrecognized arguments: --hiden-size 3"),
    (["--data", "hello", "--checkpoint", "model.pkl"], 2, "model.pkl is a pickle, and reading one runs"),
    (["--data", "hello", "--checkpoint", "model.v2"], 2, "expected a file name that ends in .safetensors"),
    (["--data", "hello", "--checkpoint", "folder/"], 2, "expected a file name that ends in .safetensors"),
    (["--data", "hello", "--checkpoint", "nowhere/m.safetensors"], 1, "there is no directory"),
    (["--data", "hello", "--checkpoint", "folder.safetensors"], 1, "is a directory"),
    (["--resume"], 2, "--resume: needs --checkpoint"),
    (["--resume", "--checkpoint", "m.safetensors"], 1, "m.safetensors: no such checkpoint"),
    (["--resume", "--checkpoint", "foreign.safetensors"], 1, "is cut short, damaged or no checkpoint"),
    (["--data", "hello", "--lr", "1e300", "--steps", "9", "--quiet"], 1, "no longer a finite number at step"),
]


@pytest.mark.parametrize(("options", "code", "message"), BAD_TRAINING)
def test_bad_training_input_is_one_clear_line(run: Run, options: list[str], code: int, message: str) -> None:
    os.mkdir("folder")
    os.mkdir("folder.safetensors")
    write("empty", b"")
    write("short", b"a")
    write("binary", b"text\0text")
    write("latin", "café".encode("latin-1"))
    write("foreign.safetensors", b"PK\x03\x04 this is something else")
    status, out, err = run("train", *options)
    assert (status, message in one_line(err)) == (code, True), err
    assert code == 1 or not out


def test_the_line_drops_whole_fields_where_it_is_narrow(text: Path, run: Run) -> None:
    run("train", "--data", text, *SMALL, "--steps", 12, "--quiet")
    full = training_fields(Trainer.resume("words-lstm.safetensors", str(text)).snapshot(), 7.0)
    assert [field.split()[0] for field in full[:3]] == ["step", "loss", "val"] and "0:07 left" in full
    for width in (15, 40, 60, 200):
        fields = fitting(full, width)
        assert len("  ".join(fields)) <= width
        assert fields == full[: len(fields)]
        assert fields == full or len("  ".join(full[: len(fields) + 1])) > width
    assert fitting(full, 4) == ["step"]


def test_resumed_without_validation_the_loss_on_the_old_text_is_not_quoted(run: Run, text: Path) -> None:
    arguments = ("train", "--data", text, *SMALL, "--checkpoint", "m.safetensors")
    assert run(*arguments, "--steps", 20)[0] == 0
    status, out, err = run(*arguments, "--resume", "--steps", 30, "--validation", 0, "--json")
    assert status == 0, err
    result = json.loads(out)
    assert (result["val_loss"], result["val_step"], result["last_val_loss"]) == (None, None, None)
    status, out, err = run(*arguments, "--resume", "--steps", 40, "--validation", 0)
    assert status == 0, err
    assert "validation loss  none" in out or "weights are kept" not in out


def test_a_run_that_diverged_has_a_summary(run: Run, text: Path) -> None:
    status, out, err = run("train", "--data", "hello", *SMALL, "--steps", 2, "--lr", 1e39)
    assert status in (0, 1), err
    assert "bug" not in err and "perplexity" not in out


def test_resuming_on_another_text_is_said_whatever_else_is(run: Run, text: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text(text.read_text() + " again")
    command = ["train", *SMALL, "--checkpoint", "m.safetensors", "--quiet", "--data"]
    assert run(*command, text, "--steps", 5)[0] == 0
    for n, extra in enumerate((["--json"], [])):
        status, _, err = run(*command, (other, text)[n], "--resume", "--steps", 10 + 5 * n, *extra)
        assert status == 0
        assert err.count("\n") == 1 and "continuing on" in err


def test_resuming_without_validation(run: Run, text: Path) -> None:
    command = ["train", *SMALL, "--eval-every", 5, "--checkpoint", "m.safetensors", "--json", "--quiet", "--data", text]
    assert run(*command, "--steps", 10)[0] == 0
    status, out, err = run(*command, "--resume", "--steps", 15, "--validation", 0)
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert (found["steps"], found["val_loss"], found["last_val_loss"], found["ngram_losses"]) == (15, None, None, {})
