"""The command line, in this process and as a real program: pipes, terminals, signals."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lstm_ext.data import load_text
from lstm_ext.engine.backend import available_backends, backend_name
from lstm_ext.engine.config import ModelConfig
from lstm_ext.train.checkpoint import load_checkpoint, save_checkpoint
from lstm_ext.train.schedule import Plan
from lstm_ext.train.trainer import Trainer
from lstm_ext.verify.checks import Row
from lstm_lab.cli.commands import generate
from lstm_lab.cli.installation import training_speed, weight
from lstm_lab.cli.main import main
from lstm_lab.cli.parser import COMMANDS
from lstm_lab.cli.progress import fitting
from lstm_lab.cli.training import training_fields
from lstm_lab.text.units import clock, rate

LAB = [sys.executable, "-m", "lstm_lab"]
ENV = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
#: A tiny network, and steps that take no time.
SMALL = ["--hidden-size", "8", "--seq-length", "7", "--batch-size", "3"]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty directory: exit status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture(autouse=True)
def measures_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lab.cli.commands.doctor.SPEED_SECONDS", 0.1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that spells hello."""
    path = tmp_path_factory.mktemp("trained") / "hello.safetensors"
    options = ["--hidden-size", "16", "--steps", "150", "--lr", "0.01", "--quiet"]
    assert main(["train", "--data", "hello", "--checkpoint", str(path), *options]) == 0
    return path


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text with something to learn and something to guess."""
    rng = random.Random(5)
    words = ["the", "gate", "forgets", "what", "it", "learned", "again"]
    path = tmp_path_factory.mktemp("text") / "words.txt"
    path.write_text(" ".join(rng.choice(words) for _ in range(600)), encoding="utf-8")
    return path


def one_line(err: str) -> str:
    """The message of the one error line that ``err`` has to be."""
    match = re.fullmatch(r"lstm-lab: error: (.+)\n", err)
    assert match, err
    return match[1]


# ------------------------------------------------------------------- dispatch


def test_version(run: Run) -> None:
    from lstm_ext import __version__

    assert run("--version") == (0, f"lstm-lab {__version__}\n", "")


def test_help_lists_every_command_and_each_explains_itself(run: Run) -> None:
    for option in ("--help", "-h"):
        status, out, err = run(option)
        assert (status, err) == (0, "")
        for name in COMMANDS:
            assert re.search(rf"^ +{name} +[a-z]", out, re.MULTILINE)
    for name in COMMANDS:
        status, out, err = run(name, "--help")
        assert (status, err) == (0, "")
        assert out.startswith(f"usage: lstm-lab {name} ")


def test_options_alone_mean_the_lab(run: Run) -> None:
    status, out, err = run("--ascii")
    assert (status, out) == (2, "")
    assert "needs a terminal" in one_line(err)
    assert "lstm-lab train" in err


# -------------------------------------------------------------------- training


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

    _, out, _ = run("train", "--resume", *checkpoint, "--steps", 4)
    assert out.count(told.format("continuing on") + "\n") == 1
    # From now on it is the text that was learned.
    _, out, _ = run("train", "--resume", *checkpoint, "--steps", 6, "--json", "--quiet")
    assert json.loads(out)["message"] == ""
    assert "note" not in run("eval", *checkpoint)[1]


def test_a_new_run_keeps_the_old_checkpoint_aside(run: Run, text: Path) -> None:
    run("train", "--data", text, *SMALL, "--steps", 5, "--checkpoint", "m.safetensors", "--quiet")
    _, out, _ = run("train", "--data", text, *SMALL, "--steps", 2, "--checkpoint", "m.safetensors")
    assert "kept as m.old.safetensors" in out
    assert load_checkpoint("m.safetensors").state.step == 2
    assert load_checkpoint("m.old.safetensors").state.step == 5


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


# ------------------------------------------------------------------- bad input


def write(path: str, content: bytes) -> str:
    Path(path).write_bytes(content)
    return path


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
    (["--data", "hello", "--checkpoint", "model"], 2, "ends in .safetensors"),
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


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--checkpoint", "model.pkl"], 2, "model.pkl is a pickle"),
        ([], 2, "--checkpoint: missing"),
        (["--checkpoint", "nowhere.safetensors"], 1, "no such checkpoint"),
        (["--checkpoint", "{short}"], 1, "is cut short, damaged or no checkpoint"),
        (["--checkpoint", "{good}", "--temperature", "-0.1"], 2, "got '-0.1', expected a finite number of at least 0"),
        (["--checkpoint", "{good}", "--temperature", "nan"], 2, "--temperature: got 'nan'"),
        (["--checkpoint", "{good}", "--top-p", "0"], 2, "--top-p: got '0', expected a number in (0, 1]"),
        (["--checkpoint", "{good}", "--top-p", "1.5"], 2, "--top-p: got '1.5', expected a number in (0, 1]"),
        (["--checkpoint", "{good}", "--top-k", "-1"], 2, "--top-k: got '-1'"),
        (["--checkpoint", "{good}", "--length", "-1"], 2, "--length: got '-1'"),
        (["--checkpoint", "{good}", "--prime", ""], 2, "--prime: is empty"),
        (["--checkpoint", "{good}", "--prime", "hexe"], 1, "--prime: character 'x' (U+0078) at position 2"),
    ],
)  # fmt: skip
def test_bad_generate_input_is_one_clear_line(
    run: Run, trained: Path, options: list[str], code: int, message: str
) -> None:
    write("short.safetensors", trained.read_bytes()[:700])
    status, out, err = run("generate", *(option.format(good=trained, short="short.safetensors") for option in options))
    assert (status, out) == (code, "")
    assert message in one_line(err)


@pytest.mark.parametrize("variable", ["LSTM_LAB_BACKEND", "LSTM_LAB_KERNEL"])
@pytest.mark.parametrize("command", ["doctor", "train --data hello --steps 1"])
def test_a_wrong_variable_is_one_clear_line(variable: str, command: str, tmp_path: Path) -> None:
    if variable == "LSTM_LAB_KERNEL" and "c" not in available_backends():
        pytest.skip("the twin has no kernels")
    env = {name: value for name, value in ENV.items() if name != "LSTM_LAB_BACKEND"} | {variable: "foo"}
    result = subprocess.run([*LAB, *command.split()], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (1, "")
    assert re.search(rf"^(LanguageModel: )?{variable}: got 'foo', expected ", one_line(result.stderr))


def test_an_unknown_command_is_guessed(run: Run) -> None:
    status, out, err = run("trian", "--data", "hello")
    assert (status, out) == (2, "")
    assert one_line(err) == "no command 'trian'; did you mean `lstm-lab train`?"
    assert one_line(run("quux")[2]) == "no command 'quux'; `lstm-lab --help` lists the commands"


# ------------------------------------------------------------ generate and eval


def test_generate_writes_what_was_learned(run: Run, trained: Path) -> None:
    status, out, err = run("generate", "--checkpoint", trained, "--length", 60, "--temperature", 0, "--prime", "he")
    assert (status, err) == (0, "")
    assert out == ("hello " * 11)[:62] + "\n"


def test_generate_does_not_depend_on_its_pieces(run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--checkpoint", trained, "--length", 100, "--temperature", 5, "--seed", 3]
    _, at_once, _ = run("generate", *options)
    monkeypatch.setattr(generate, "PIECE", 7)
    _, in_pieces, _ = run("generate", *options)
    _, other, _ = run("generate", *options[:-1], 4)
    assert in_pieces == at_once
    assert len(at_once) == 101
    assert other != at_once


def test_top_k_1_is_the_likeliest(run: Run, trained: Path) -> None:
    _, greedy, _ = run("generate", "--checkpoint", trained, "--length", 40, "--temperature", 0)
    _, top, _ = run("generate", "--checkpoint", trained, "--length", 40, "--temperature", 9, "--top-k", 1)
    _, nucleus, _ = run("generate", "--checkpoint", trained, "--length", 40, "--temperature", 9, "--top-p", 1e-9)
    assert top == nucleus == greedy


def test_no_learned_control_character_reaches_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    write("esc.txt", b"a\x1b[2Jb\n" * 30)
    run("train", "--data", "esc.txt", *SMALL, "--steps", 1, "--quiet")
    options = ["generate", "--checkpoint", "esc-lstm.safetensors", "--length", 200, "--seed", 1]
    _, piped, _ = run(*options)
    assert "\x1b" in piped
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, shown, _ = run(*options)
    assert shown == piped.replace("\x1b", "\ufffd")


def test_eval_measures_what_training_measured(run: Run, text: Path) -> None:
    _, out, _ = run("train", "--data", text, *SMALL, "--steps", 40, "--json", "--quiet")
    training = json.loads(out)
    status, out, err = run("eval", "--checkpoint", "words-lstm.safetensors", "--json")
    assert (status, err) == (0, "")
    result = json.loads(out)
    assert result["loss"] == training["val_loss"]
    assert result["ngram_losses"] == training["ngram_losses"]
    status, out, _ = run("eval", "--checkpoint", "words-lstm.safetensors")
    assert status == 0
    assert f"{result['loss']:.4f} nats per character" in out


def test_eval_takes_another_text_whole(run: Run, trained: Path) -> None:
    write("other.txt", b"hello " * 40)
    _, out, _ = run("eval", "--checkpoint", trained, "--data", "other.txt", "--json")
    result = json.loads(out)
    assert result["characters"] == 239
    assert 0 < result["loss"] < 0.5
    write("foreign.txt", b"hello hullo hello")
    status, _, err = run("eval", "--checkpoint", trained, "--data", "foreign.txt")
    assert status == 1
    assert "foreign.txt: character 'u' (U+0075) at position 7" in one_line(err)


# ----------------------------------------------------------------------- doctor


def test_doctor_tells_a_machine_and_a_person(run: Run) -> None:
    status, out, err = run("doctor", "--json")
    assert (status, err) == (0, "")
    report = json.loads(out)
    assert report["backend"] in report["backends"]
    assert report["packages"]["numpy"] == np.__version__
    assert report["terminal"]["is_terminal"] is False
    assert report["texts"]["hello"] == len(load_text("hello"))
    assert report["writable"][os.getcwd()] is True
    if "c" in report["backends"]:
        assert report["core"]["kernel"] in report["core"]["kernels"]
    status, out, _ = run("doctor")
    assert status == 0
    assert re.search(rf"^backend +{report['backend']} ", out, re.MULTILINE)
    assert re.search(
        r"^speed +trains [\d.]+[kM]? characters per second \(LSTM, 128 units, float32; .*, 1 thread\)$", out, re.M
    )
    assert re.search(r"^installed +[\d.]+ MB in \d+ packages; the largest: numpy [\d.]+ MB, ", out, re.M)
    assert re.search(r"^starting +import lstm_ext \d\.\d\d s, then the first model \d+\.\d\d s$", out, re.M)


def test_doctor_weighs_every_package_that_is_needed_and_no_other() -> None:
    sizes = weight()
    assert {"lstm-lab", "numpy", "cffi", "pycparser", "textual", "rich", "safetensors", "shtab"} <= sizes.keys()
    assert not sizes.keys() & {"matplotlib", "pytest", "setuptools"}
    files = [path for path in Path(np.__file__).parent.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sizes["numpy"] >= sum(path.stat().st_size for path in files)


def test_doctor_measures_the_engine_that_training_uses() -> None:
    speed = training_speed(0.1)
    assert speed["backend"] == backend_name() and (speed["kernel"] is None) == (speed["backend"] == "numpy")
    # One step of 16 × 50 characters takes between 20 µs and 20 s on any machine.
    assert 40 < speed["chars_per_second"] < 40e6


def test_doctor_says_what_to_do_without_the_core(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lstm_lab.cli.commands.doctor.available_backends", lambda: ("numpy",))
    monkeypatch.setattr("lstm_lab.cli.commands.doctor.backend_name", lambda: "numpy")
    _, out, _ = run("doctor")
    assert "Install a C compiler" in " ".join(out.split())


# ----------------------------------------------------------------------- verify


def a_row(**changes: Any) -> Row:
    row = Row("layers", "lstm", "core", "avx2", "twin", "float64", 1e-12, {"h": 2e-16, "dW": 3e-16})
    return replace(row, **changes)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Row]], None]:
    """Replaces what ``verify`` finds by given rows, one check for each name."""

    def checked(rows: list[Row]) -> None:
        checks = [SimpleNamespace(section=row.section, name=row.name) for row in rows]
        unique = list({check.name: check for check in checks}.values())
        monkeypatch.setattr("lstm_ext.verify._checks", lambda seed, thorough, torch: unique)
        monkeypatch.setattr(
            "lstm_ext.verify.Verification.rows",
            lambda self, check: [row for row in rows if row.name == check.name],
        )

    return checked


def test_verify_prints_every_arrays_worst_error_over_the_kernels(
    run: Run, checked: Callable[[list[Row]], None]
) -> None:
    differences = a_row(engine="twin", kernel=None, reference="differences", bound=1e-6, errors={"dW": 4e-11})
    checked([a_row(), a_row(kernel="avx512", errors={"h": 5e-16, "dW": 0.0}), differences])
    status, out, err = run("verify", "--seed", "4")
    assert (status, err) == (0, "")
    heading, name, core, twin = out.split("\n")[1:5]
    assert heading.split() == ["layers", "h", "c", "gates", "extra", "dx", "dh0", "dc0", "dW", "db", "dp"]
    assert name.split() == ["lstm", "pass"]
    assert core.split() == ["core", "twin", "f64", "5e-16", "3e-16"]
    assert twin.split() == ["twin", "numeric", "f64", "4e-11"]
    assert core.index("3e-16") == twin.index("4e-11") == heading.index("dW") - 3  # each in its array's column
    assert re.search(r"^core avx2 +twin +f64 +3e-16 +1e-12 +layers, lstm: dW$", out, re.M)
    assert re.search(r"^core avx512 +twin +f64 +5e-16 +1e-12 +layers, lstm: h$", out, re.M)
    assert re.search(r"^PASS +3 comparisons in \d+ s, seed 4", out, re.M)
    assert max(map(len, out.split("\n"))) <= 80
    assert "\x1b" not in out


def test_verify_shows_on_a_terminal_how_far_it_is(
    run: Run, checked: Callable[[list[Row]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    checked([a_row(), a_row(name="gru")])
    _, out, _ = run("verify")
    assert "layers: gru" in out and "1/2" in out and "\x1b[2K" in out


def test_verify_fails_loudly_and_names_the_kernel(run: Run, checked: Callable[[list[Row]], None]) -> None:
    bad = a_row(kernel="avx512", errors={"h": math.nan, "dW": 3e-4, "db": 1e-13})
    checked([a_row(), bad, a_row(name="gru", errors={}, problem="RuntimeError: out of luck")])
    status, out, _ = run("verify")
    assert status == 1
    assert re.search(r"^lstm +FAIL\n core twin +f64 +nan +3e-04 +1e-13", out, re.M)
    assert "   FAIL core avx512 against twin, float64: h nan, dW 3e-04, the bound is 1e-12\n" in out
    assert "FAIL core avx2 against" in out  # the gru's
    assert re.search(r"^gru +FAIL\n(.*\n) +FAIL .*: RuntimeError: out of luck$", out, re.M)
    assert re.search(r"^core avx512 .* nan +1e-12 +layers, lstm: h$", out, re.M)
    assert "FAIL (2)  3 comparisons" in out
    status, out, _ = run("verify", "--json")
    found = json.loads(out)
    assert (status, found["passed"], [row["passed"] for row in found["rows"]]) == (1, False, [True, False, False])
    assert found["rows"][1]["errors"] == {"h": None, "dW": 3e-4, "db": 1e-13}


# ------------------------------------------------------------- the real program


def start(*arguments: object, cwd: Path, **options: Any) -> subprocess.Popen[str]:
    command = [*LAB, *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=cwd, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_writes_the_checkpoint_and_resume_goes_on(name: str, text: Path, tmp_path: Path) -> None:
    number = getattr(signal, name)
    command = ["train", "--data", text, *SMALL, "--steps", 10**9, "--eval-every", 10, "--checkpoint", "m.safetensors"]
    with start(*command, cwd=tmp_path) as process:
        assert process.stdout is not None
        assert any(line.startswith("step ") for line in process.stdout)  # it is learning
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (128 + number, "")
    assert f"stopped by {name}" in out
    step = load_checkpoint(str(tmp_path / "m.safetensors")).state.step
    assert step > 0
    command[command.index(10**9)] = step + 3
    with start(*command, "--resume", "--json", "--quiet", cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err, json.loads(out)["steps"]) == (0, "", step + 3)


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


def test_generating_stops_at_ctrl_c(trained: Path, tmp_path: Path) -> None:
    with start("generate", "--checkpoint", trained, "--length", 10**9, cwd=tmp_path) as process:
        assert process.stdout is not None
        process.stdout.read(10)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")


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
    assert re.findall(r"^step (\d+)/40  loss .* bits/char ", out, re.MULTILINE)[-1] == "40"
    assert not re.search(r"[^\n\x20-\uffff]", out)


def in_terminal(
    *arguments: object,
    cwd: Path,
    columns: int = 100,
    program: Sequence[object] = ("-m", "lstm_lab"),
    **environment: str,
) -> tuple[int, str]:
    """Runs the program in a pseudo-terminal: exit status and everything that it wrote."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *map(str, [*program, *arguments])],
        cwd=cwd,
        env={**ENV, **environment},
        stdin=follower,
        stdout=follower,
        stderr=follower,
    )
    os.close(follower)
    written = b""
    while select.select([leader], [], [], 60)[0]:
        try:
            piece = os.read(leader, 65536)
        except OSError:  # Linux's way to say that the other end is closed
            break
        if not piece:
            break
        written += piece
    os.close(leader)
    return process.wait(timeout=60), written.decode()


def test_a_terminal_gets_one_live_line(text: Path, tmp_path: Path) -> None:
    status, out = in_terminal(
        "train", "--data", text, *SMALL, "--seconds", 1, "--eval-every", 50, cwd=tmp_path, columns=110
    )
    assert status == 0
    live = [re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", line).rstrip() for line in out.split("\r") if "  loss " in line]
    assert len(live) > 2 and max(map(len, live)) < 110
    fields = r"step ([\d,]+)  loss \d\.\d+  val \d\.\d+  \d\.\d\d bits/char  [\d.]+[kM]? chars/s  0:0[01] left"
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


# ------------------------------------------------------------------ small parts


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


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (7.25, "7.25"), (999.4, "999"), (999.6, "1k"), (81_249, "81.2k"), (999_600, "1M"), (1_254_000, "1.25M")],
)
def test_rate(value: float, words: str) -> None:
    assert rate(value) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0:00"), (59.7, "1:00"), (754, "12:34"), (3723, "1:02:03")])
def test_clock(seconds: float, words: str) -> None:
    assert clock(seconds) == words
