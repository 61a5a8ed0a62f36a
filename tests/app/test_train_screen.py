"""The Train screen, driven by keys and mouse, judged by what it draws and by what the trainer does."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from app.laboratory import LARGE, SMALL, TINY, lab
from screen import segments, strips, until

from lstm_ext.data import load_text
from lstm_ext.engine.backend import available_backends
from lstm_ext.engine.config import OPTIMIZERS, ModelConfig
from lstm_ext.errors import CheckpointError
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.diagnosis import Diagnosis
from lstm_ext.train.loop import Loop
from lstm_ext.train.trainer import Trainer
from lstm_lab.app import session as session_module
from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp, run_lab
from lstm_lab.app.samples import SampleSource
from lstm_lab.app.screens import train as train_module
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.files import OpenFile, SaveFile
from lstm_lab.app.screens.help import Help
from lstm_lab.app.screens.model_form import ModelForm
from lstm_lab.app.screens.train import TrainScreen, next_rate
from lstm_lab.app.session import Opening, Session
from lstm_lab.app.widgets.gate_heatmap import GateHeatmap
from lstm_lab.app.widgets.loss_curve import LossCurve
from lstm_lab.app.widgets.sample_stream import SampleStream
from lstm_lab.app.widgets.status_panel import StatusPanel
from lstm_lab.errors import UsageError


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours do not depend on where the tests run."""
    for name in ("NO_COLOR", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")


# What it shows.


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_opens_learning_and_shows_everything(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    for judge in ("train.diagnose", "typist.repetition"):  # what they say takes the place of some numbers
        monkeypatch.setattr(f"lstm_lab.app.screens.{judge}", lambda *_: None)
    async with lab(size) as here:
        await here.until(lambda: here.app.screen.query_one(GateHeatmap)._columns)
        await here.shows("validation", "◆")
        names = ["Loss", "Status", "Gates", "Samples", "hamlet · LSTM 6", "space pause", "? help", "q quit"]
        names += ["step", "epoch", "bits/char", "gradient norm", "learning rate", "chars/s", "engine", "time"]
        await here.shows(*names, "loss", "temperature 0.8", "h hidden", "mean")
        assert {sum(len(segment.text) for segment in line) for line in strips(here.app)} == {size[0]}
        assert any("⠀" < glyph <= "⣿" for glyph in here.text)


async def test_numbers_are_the_trainers() -> None:
    async with lab(LARGE) as here:
        await here.until(lambda: here.trainer.snapshot().val_loss is not None)
        await here.paused()
        snapshot = here.trainer.snapshot()
        assert snapshot.val_loss is not None
        values = {
            "step": f"{snapshot.step:,}",
            "loss, smoothed": f"{snapshot.smoothed:.3f}",
            "validation": f"{snapshot.val_loss:.3f}",
            "bits/char, val": f"{snapshot.val_loss / np.log(2):.3f}",
            "gradient norm": f"{snapshot.grad_norm:.3f}",
            "epoch": f"{snapshot.epoch:.2f}",
        }
        lines = [name + value.rjust(32 - len(name)) for name, value in values.items()]
        await here.until(lambda: all(line in here.text for line in lines))


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_loss_that_explodes_while_it_is_finite_is_named_with_the_fix(size: tuple[int, int]) -> None:
    async with lab(size, TINY.with_options({"hidden_size": 32, "warmup": 0})) as here:
        await here.until(lambda: here.trainer.snapshot().smoothed < 2.5)
        await here.shows("● learning")
        here.trainer.lr = 10.0
        await here.shows("! exploding", "the loss rose from", "→ lower the learning rate", "loss, smoothed")
        await here.press("space")
        await here.shows("paused", "the loss rose from")


async def test_a_sample_that_repeats_itself_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab(LARGE) as here:
        await here.until(lambda: here.step >= 500)
        await here.paused()
        screen = here.app.screen
        assert isinstance(screen, TrainScreen)
        symbols = here.trainer.vocabulary.encode(" the" * 60)
        monkeypatch.setattr(LanguageModel, "sample", lambda self, *given, **options: symbols)
        await here.press("s")
        await here.until(lambda: screen.typist.repetition is not None)
        assert screen.typist.repetition is not None and screen.typist.repetition.name == "repetitive"


async def test_baselines_are_drawn() -> None:
    async with lab(LARGE) as here:
        await here.shows("unigram 3.")


@pytest.mark.slow
async def test_samples_are_stamped_and_grow_in_step_with_the_gates() -> None:
    async with lab() as here:
        stream, gates = here.app.screen.query_one(SampleStream), here.app.screen.query_one(GateHeatmap)
        await here.until(lambda: len(stream._samples) >= 2)
        first, second = stream._samples[0], stream._samples[1]
        assert first.stamp.startswith("step ") and "loss" in first.stamp
        assert int(first.stamp.split()[1].replace(",", "")) < int(second.stamp.split()[1].replace(",", ""))
        await here.until(lambda: len(second.text) > 5)
        await here.paused()
        written = "".join(sample.text for sample in stream._samples)
        columns = list(gates._columns)
        assert "".join(reading.text[index] for reading, index in columns if index >= 0) == written
        assert sum(index < 0 for _, index in columns) == len(stream._samples) - 1  # boundaries between them


# Keys.


async def test_pause_really_pauses_and_space_goes_on() -> None:
    async with lab() as here:
        await here.paused()
        step = here.step
        for _ in range(20):
            await here.pilot.pause(0.01)
        assert here.step == step
        await here.shows("space resume")
        await here.press("space")
        await here.until(lambda: here.step > step)
        await here.shows("learning", "space pause")


async def test_single_steps() -> None:
    async with lab() as here:
        await here.paused()
        step = here.step
        for done in (1, 2):
            await here.press("n")
            await here.until(lambda wanted=step + done: here.step == wanted)
        await here.shows("paused", f"{step + 2:,}")


async def test_after_a_single_step_the_gates_are_read_again() -> None:
    async with lab() as here:
        gates = here.app.screen.query_one(GateHeatmap)
        await here.until(lambda: len(gates._columns) > 20)
        await here.paused()
        screen = here.app.screen
        assert isinstance(screen, TrainScreen)
        await here.until(lambda: screen.typist.sample is not None and screen.typist.sample.step == here.step)
        assert screen.typist.sample is not None
        before = screen.typist.sample.reading
        await here.press("n")
        await here.until(lambda: screen.typist.sample is not None and screen.typist.sample.reading is not before)
        after = screen.typist.sample.reading
        assert after.text == before.text
        assert not np.array_equal(after.layers[0]["h"], before.layers[0]["h"])
        readings = [reading for reading, _ in gates._columns]
        assert any(reading is after for reading in readings) and all(reading is not before for reading in readings)


@pytest.mark.parametrize(
    "keys, rate", [(["+"], 5e-3), (["="], 5e-3), (["-"], 3e-3), (["_", "_"], 2e-3), (["-", "+", "+"], 7e-3)]
)
async def test_learning_rate_reaches_the_trainer(keys: list[str], rate: float) -> None:
    async with lab() as here:
        await here.press(*keys)
        assert here.trainer.lr == pytest.approx(rate)
        await here.shows(f"{rate:.2g}")


def test_learning_rates_are_round_and_bounded() -> None:
    assert [next_rate(rate, 1) for rate in (1e-3, 1.2e-3, 7e-3, 10.0)] == [1.5e-3, 1.5e-3, 1e-2, 10.0]
    assert [next_rate(rate, -1) for rate in (1e-3, 1.2e-3, 1.5e-3, 1e-7)] == [7e-4, 1e-3, 1e-3, 1e-7]


async def test_temperature_is_shown_bounded_and_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab() as here:
        await here.press("t", "t")
        await here.shows("temperature 1.0")
        await here.press(*["T"] * 20)
        await here.shows("temperature 0.0")
        screen = here.app.screen
        assert isinstance(screen, TrainScreen)
        await here.press("s")
        await here.until(lambda: screen.typist.sample is not None and screen.typist.sample.temperature == 0.0)
        await here.press(*["t"] * 30)
        await here.shows("temperature 2.0")


async def test_sample_now_also_while_paused() -> None:
    async with lab() as here:
        stream = here.app.screen.query_one(SampleStream)
        await here.until(lambda: stream._samples)
        await here.paused()
        count = len(stream._samples)
        await here.press("s")
        await here.until(lambda: len(stream._samples) == count + 1)
        assert stream._samples[-1].stamp.startswith(f"step {here.step:,}")


@pytest.mark.parametrize(
    "cell, shown",
    [
        ("lstm", {"f": "forget", "i": "input", "g": "candidate", "o": "output", "c": "cell", "h": "hidden"}),
        ("gru", {"r": "reset", "z": "update", "g": "candidate", "h": "hidden"}),
        ("rnn", {"h": "hidden"}),
    ],
)
async def test_keys_choose_the_gate(cell: str, shown: dict[str, str]) -> None:
    async with lab(LARGE, TINY.with_options({"cell": cell})) as here:
        for key, name in shown.items():
            await here.press(key)
            await here.shows(f" {key} {name} ")
        await here.press(*(key for key in "figocrz" if key not in shown))
        assert f" {list(shown)[-1]} {list(shown.values())[-1]} " in here.text


async def test_layers_of_a_stack() -> None:
    async with lab(LARGE, TINY.with_options({"num_layers": 3})) as here:
        await here.shows("layer 1/3")
        await here.press("]", "]")
        await here.shows("layer 3/3")
        await here.press("]")
        await here.shows("layer 1/3")
        await here.press("[")
        await here.shows("layer 3/3")


async def test_every_command_says_what_it_does_and_keys_are_unambiguous() -> None:
    async with lab() as here:
        for kind in (None, GateHeatmap, SampleStream, LossCurve):
            widget = None if kind is None else here.app.screen.query_one(kind)
            here.app.screen.set_focus(widget)
            await here.pilot.pause()
            known = commands(here.app.screen)
            assert all(command.name and command.what and command.group for command in known)
            keys = [key for command in known for key in command.keys]
            assert len(keys) == len(set(keys))
        ids = {command.id for command in known}
        assert {"train.pause", "train.step", "train.save", "lab.help", "lab.quit", "lab.step"} <= ids


async def test_mouse_reaches_the_commands() -> None:
    async with lab() as here:
        bar = here.line[-1]
        await here.pilot.click(offset=(bar.index("pause"), 23))
        await here.shows("paused")
        y = next(y for y, line in enumerate(here.line) if "learning rate" in line)
        await here.pilot.click(offset=(here.line[y].index("+/-"), y))
        assert here.trainer.lr == pytest.approx(5e-3)
        y = next(y for y, line in enumerate(here.line) if line.startswith(" Gates"))
        await here.pilot.click(offset=(here.line[y].index(" o ") + 1, y))
        await here.shows("o output")


# Help and palette.


async def test_help_is_about_what_is_focused_and_lists_every_key() -> None:
    async with lab() as here:
        here.app.screen.query_one(SampleStream).focus()
        await here.pilot.pause()
        known = [command for command in commands(here.app.screen)]
        await here.press("?")
        await here.asked(Help)
        help = here.app.screen
        assert isinstance(help, Help)
        assert sorted(command.id for command in help.listed) == sorted(command.id for command in known)
        await here.press("tab")
        await here.shows("Samples", "Text that the network made up")
        assert here.text.index("Samples") < here.text.index("Train", here.text.index("Samples"))
        before = here.text
        await here.press("pagedown")
        await here.until(lambda: here.text != before)
        await here.press("escape")
        await here.shows("Status")


async def test_the_handbook_explains_the_trouble_that_is_shown() -> None:
    async with lab() as here:
        await here.paused()
        panel = here.app.screen.query_one(StatusPanel)
        panel.show(here.trainer.snapshot(), "C", Diagnosis("exploding", "the loss rose", "lower the learning rate"))
        await here.press("?")
        await here.asked(Help)
        await here.press("f1")
        await here.until(lambda: here.app.current_mode == "handbook")
        await here.shows("Symptoms and fixes", "half of what was learned is lost")


async def test_palette_runs_commands() -> None:
    async with lab() as here:
        await here.press("ctrl+p")
        await here.shows("Search for commands")
        await here.press(*"pause")
        await here.shows("Pause (space)")
        await here.press("enter")
        await here.until(lambda: here.trainer.paused)


# Another network.


async def test_form_shows_every_field_also_after_the_step_screen() -> None:
    """Styles of one screen must not reach into another."""
    async with lab() as here:
        await here.press("2", "1", "m")
        await here.asked(ModelForm)
        assert here.app.screen.query_one("#cell").display


async def test_form_makes_the_network() -> None:
    async with lab() as here:
        before = here.trainer
        await here.press("m")
        await here.asked(ModelForm)
        here.app.screen.query_one("#cell").value = "gru"  # type: ignore[attr-defined]
        here.app.screen.query_one("#optimizer").value = "rmsprop"  # type: ignore[attr-defined]
        for name, value in {"hidden_size": "5", "num_layers": "2", "seq_length": "8", "lr": "0.01"}.items():
            await here.type_into(f"#{name}", value)
        here.app.screen.query_one("#reset_after").value = True  # type: ignore[attr-defined]
        await here.shows("parameters")
        await here.press("enter")
        await here.until(lambda: here.trainer is not before)
        network, training = here.trainer.model.config, here.trainer.config
        assert (network.cell, network.hidden_size, network.num_layers, network.reset_after) == ("gru", 5, 2, True)
        assert (training.seq_length, training.batch_size, training.lr) == (8, 3, 0.01)
        assert training.optimizer.kind == "rmsprop" and "rmsprop" in OPTIMIZERS
        assert here.trainer.text.name == "hamlet"
        await here.until(lambda: here.step > 0)
        await here.shows("hamlet · GRU 5×2")
        await here.until(lambda: not before.running)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, value, message",
    [
        ("hidden_size", "0", "hidden size: got 0, expected an integer of at least 1"),
        ("hidden_size", "many", "hidden size: got 'many', expected an integer"),
        ("hidden_size", "9000000", "hidden size: got 9000000, which needs"),
        ("dropout", "1", "dropout: got 1.0, expected a number in [0.0, 1.0)"),
        ("lr", "-1", "learning rate: got -1.0, expected a number above 0"),
        ("batch_size", "0", "batch size: got 0, expected an integer of at least 1"),
    ],
)
async def test_form_says_at_once_what_is_wrong(name: str, value: str, message: str) -> None:
    async with lab(LARGE) as here:
        before = here.trainer
        await here.press("m")
        await here.asked(ModelForm)
        await here.type_into(f"#{name}", value)
        await here.shows(message)
        assert here.app.screen.query_one(f"#label-{name}").has_class("-wrong")
        await here.press("enter")
        assert isinstance(here.app.screen, ModelForm)
        await here.press("escape")
        await here.shows("Status")
        assert here.trainer is before and before.running


async def test_asks_before_another_network_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab() as here:
        first = here.trainer
        await here.press("R")
        await here.until(lambda: here.trainer is not first)  # nothing worth asking about
        second = here.trainer
        monkeypatch.setattr(session_module, "TRIVIAL_SECONDS", 0.0)
        await here.until(lambda: here.step > 0)
        await here.press("R")
        await here.asked(Ask)
        await here.shows("not saved", "Save first (s)")
        await here.press("c")
        await here.shows("Status")
        assert here.trainer is second
        await here.press("d")
        await here.asked(OpenFile)
        await here.press("enter")
        await here.asked(Ask)
        await here.press("g")
        await here.until(lambda: here.trainer is not second)
        assert here.trainer.model.config.hidden_size == second.model.config.hidden_size
        assert here.trainer.text.name == "hello"


# Texts.


async def test_another_text_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sea.txt"
    path.write_text("she sells sea shells by the sea shore\n" * 30)
    async with lab() as here:
        await here.press("d")
        await here.asked(OpenFile)
        await here.shows("hello", "abc", "hamlet", "shakespeare")
        await here.type_into("Input", str(tmp_path / "missing.txt"))
        await here.press("enter")
        await here.until(lambda: here.app.screen.query_one(".dialog--error").display)
        await here.shows("missing.txt")
        assert "Traceback" not in here.text
        await here.type_into("Input", str(path))
        await here.press("enter")
        await here.until(lambda: here.trainer.text.name.endswith("sea.txt"))
        await here.until(lambda: here.step > 0)
        await here.shows("sea.txt · LSTM 6")
        assert len(here.trainer.vocabulary) == len(set(path.read_text()))


async def test_a_built_in_text_by_key() -> None:
    async with lab() as here:
        await here.press("d")
        await here.asked(OpenFile)
        await here.press("down", "enter")
        await here.until(lambda: here.trainer.text.name == "abc")


@pytest.mark.slow
@pytest.mark.parametrize(
    "content, word", [(b"", "empty"), (b"\x00\xff\xfe\x80" * 50, "byte"), (b"a", "expected at least 2")]
)
async def test_a_bad_file_gets_one_line(tmp_path: Path, content: bytes, word: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    async with lab(LARGE) as here:
        before = here.trainer
        await here.press("d")
        await here.asked(OpenFile)
        await here.type_into("Input", str(path))
        await here.press("enter")
        await here.shows("bad.txt", word)
        assert "Traceback" not in here.text
        assert here.trainer is before


# Checkpoints.


async def test_save_and_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with lab() as here:
        await here.paused()
        await here.press("w")
        await here.asked(SaveFile)
        await here.shows("hamlet-lstm-6.safetensors")
        await here.press("enter")
        await here.until(lambda: (tmp_path / "hamlet-lstm-6.safetensors").exists())
        await here.shows("Saved")
        saved_step = here.step  # paused: but "paused" may be shown before the chunk under way has ended
        assert load_checkpoint("hamlet-lstm-6.safetensors").state.step == saved_step
        await here.press("space")
        await here.until(lambda: here.step > saved_step + 5)
        before = here.trainer
        await here.press("l")
        await here.asked(OpenFile)
        await here.type_into("Input", "hamlet-lstm-6.safetensors")
        await here.press("enter")
        await here.until(lambda: here.trainer is not before)
        assert here.trainer.snapshot().saved_step == saved_step
        await here.until(lambda: here.step > saved_step)
        assert here.trainer.config.checkpoint is None


async def test_a_run_that_came_to_its_end_goes_on(tmp_path: Path) -> None:
    """As ``lstm-lab train`` leaves them: a schedule that has gone down to zero."""
    text = load_text("hamlet")
    size = len(text.vocabulary)
    config = TrainerConfig(seq_length=9, batch_size=3, schedule="cosine", warmup=20)
    finished = Trainer(LanguageModel(ModelConfig(size, 6, size)), text, config)
    finished.run(steps=30)
    path = tmp_path / "finished.safetensors"
    finished.save(str(path))
    async with lab(checkpoint=str(path)) as here:
        await here.until(lambda: here.step > 60)
        assert here.trainer.snapshot().lr == pytest.approx(config.lr)
        assert here.trainer.config.checkpoint is None


async def test_what_cannot_be_saved_or_loaded_gets_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(b"no checkpoint at all")
    async with lab(LARGE) as here:
        await here.press("w")
        await here.asked(SaveFile)
        await here.type_into("Input", str(tmp_path / "no" / "such" / "folder.safetensors"))
        await here.press("enter")
        await here.shows("folder.safetensors")
        await here.until(lambda: here.app.screen.query_one(".dialog--error").display)

        def full(path: str) -> None:
            raise CheckpointError(f"{path}: no space left on the device")

        monkeypatch.setattr(here.app.screen, "_save", full)
        await here.type_into("Input", str(tmp_path / "full.safetensors"))
        await here.press("enter")
        await here.shows("no space left on the device")
        await here.press("escape", "l")
        await here.asked(OpenFile)
        await here.type_into("Input", str(foreign))
        await here.press("enter")
        await here.until(lambda: here.app.screen.query_one(".dialog--error").display)
        assert "Traceback" not in here.text


async def test_export(tmp_path: Path) -> None:
    async with lab(LARGE) as here:
        await here.until(lambda: here.trainer.snapshot().val_loss is not None)
        await here.paused()
        history = here.trainer.snapshot().history
        for suffix in (".csv", ".json", ".svg"):
            await here.press("e")
            await here.asked(SaveFile)
            await here.type_into("Input", str(tmp_path / f"curve{suffix}"))
            await here.press("enter")
            await here.until(lambda: not isinstance(here.app.screen, SaveFile))
        rows = list(csv.DictReader((tmp_path / "curve.csv").open()))
        assert [float(entry["loss"]) for entry in rows] == history.loss.tolist()
        assert [float(entry["norm_high"]) for entry in rows] == history.norm_high.tolist()
        assert [float(entry["clipped"]) for entry in rows] == history.clipped.tolist()
        assert [float(entry["rate"]) for entry in rows] == history.rate.tolist()
        assert [float(entry["val_loss"]) for entry in rows if entry["val_loss"]] == history.val_loss.tolist()
        curve = json.loads((tmp_path / "curve.json").read_text())
        assert curve["smoothed"] == history.smoothed.tolist() and curve["step"] == here.step
        assert "<svg" in (tmp_path / "curve.svg").read_text()
        await here.press("e")
        await here.asked(SaveFile)
        await here.type_into("Input", str(tmp_path / "curve.png"))
        await here.press("enter")
        await here.shows("path: got .png, expected one of .csv, .json, .svg")


# Quitting.


async def test_quits_at_once_where_nothing_is_lost() -> None:
    async with lab() as here:
        trainer = here.trainer
        await here.press("q")
        await here.until(lambda: not here.app.is_running or here.app.return_code == 0)
        assert here.app.return_code == 0
        await here.until(lambda: not trainer.running)


@pytest.mark.parametrize("key", ["q", "ctrl+c"])
async def test_asks_before_losing_training(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "TRIVIAL_SECONDS", 0.0)
    async with lab() as here:
        await here.press(key)
        await here.asked(Ask)
        await here.shows("not saved", "Save and quit (s)", "Quit (q)", "Cancel (c)")
        await here.press("escape")
        await here.shows("Status")
        assert here.trainer.running
        await here.press(key)
        await here.asked(Ask)
        await here.press(key)
        await here.until(lambda: here.app.return_code == 0)


async def test_saves_and_quits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session_module, "TRIVIAL_SECONDS", 0.0)
    async with lab() as here:
        await here.press("q")
        await here.asked(Ask)
        await here.press("s")
        await here.asked(SaveFile)
        await here.press("enter")
        await here.until(lambda: here.app.return_code == 0)
        assert load_checkpoint("hamlet-lstm-6.safetensors").state.step > 0


async def test_a_saved_network_is_not_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(session_module, "TRIVIAL_SECONDS", 0.0)
    async with lab() as here:
        await here.paused()
        await here.press("w")
        await here.asked(SaveFile)
        await here.press("enter")
        await here.shows("Saved")
        assert not here.app.session.unsaved()
        await here.press("q")
        await here.until(lambda: here.app.return_code == 0)


# When something goes wrong.


@pytest.mark.parametrize("failing", [(Loop, "_record"), (SampleSource, "_read")], ids=["training", "sample"])
async def test_a_bug_beside_the_screen_is_called_one_and_kept(
    failing: tuple[type, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def boom(*_: Any, **__: Any) -> None:
        raise ValueError("boom")

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with lab(LARGE) as here:
        monkeypatch.setattr(*failing, boom)
        await here.shows("this is a bug in lstm-lab (ValueError: boom)")
        (path,) = tmp_path.rglob("*.txt")
        assert ", in boom" in path.read_text(encoding="utf-8")


async def test_a_loss_that_explodes_is_explained_and_can_be_left() -> None:
    async with lab(LARGE) as here:
        saved = here.trainer.submit(lambda model: model.parameters.copy()).result()
        here.trainer.submit(lambda model: model.parameters.fill(np.nan)).result()
        await here.shows("failed", "no longer a finite number", "R to start again")
        await here.shows("space resume")
        here.trainer.submit(lambda model: np.copyto(model.parameters, saved)).result()
        step = here.step
        await here.press("-", "space")
        await here.until(lambda: here.step > step)
        await here.until(lambda: "learning" in here.text and "no longer a finite" not in here.text)


async def test_numpy_in_the_cores_place_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_module, "available_backends", lambda: ("numpy",))
    async with lab(config=TINY.with_options({"backend": "numpy"})) as here:
        await here.shows("The C core was not built", "NumPy")
        await here.press("x")
        await here.until(lambda: "The C core was not built" not in here.text)


@pytest.mark.parametrize("backend", available_backends())
async def test_the_engine_is_named(backend: str) -> None:
    async with lab(config=TINY.with_options({"backend": backend})) as here:
        await here.shows("engine", {"c": "C · ", "numpy": "NumPy"}[backend])


async def test_a_text_that_cannot_be_read_ends_the_lab_with_one_line(tmp_path: Path) -> None:
    app = LabApp(Session(TINY, Opening(str(tmp_path / "missing.txt"))))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app.return_code == 1)
    assert "missing.txt" in app.failure and "\n" not in app.failure


def test_without_a_terminal_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="needs a terminal"):
        run_lab()


def test_textual_draws_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(LabApp, "run", lambda app: 0)
    for name, terminal in (("stdin", True), ("stdout", True), ("stderr", False)):
        monkeypatch.setattr(sys, name, SimpleNamespace(isatty=lambda terminal=terminal: terminal))
    with pytest.raises(UsageError, match="needs a terminal"):
        run_lab()


# Terminals.


@pytest.mark.slow
@pytest.mark.parametrize("key", ["", "h", "f", "?", "m", "d", "w", "ctrl+p"])
async def test_ascii_only(key: str) -> None:
    async with lab(ascii_only=True) as here:
        await here.until(lambda: here.app.screen.query_one(GateHeatmap)._columns)
        if key:
            await here.press(key)
            await here.pilot.pause(0.1)
        assert {glyph for glyph in here.text if not glyph.isascii()} == set()


@pytest.mark.slow
async def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with lab() as here:
        for key in ("h", "f", "?", "escape", "m", "escape", "d", "escape"):
            await here.press(key)
            await here.pilot.pause(0.05)
            for segment in segments(here.app):
                colors = [segment.style.color, segment.style.bgcolor] if segment.style else []
                assert all(color is None or color.is_default for color in colors), segment
        await here.until(lambda: any(glyph in here.text for glyph in "░▒▓█"))  # values as glyphs


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (20, 5)])
async def test_a_small_terminal_is_told_and_can_grow(size: tuple[int, int]) -> None:
    async with lab() as here:
        await here.pilot.resize_terminal(*size)
        await here.until(lambda: "needs" in here.text)
        assert "Status" not in here.text
        await here.pilot.resize_terminal(60, 16)
        await here.shows("Loss", "Status", "Gates", "Samples", "? help", "q quit")


async def test_resizing_uses_the_room() -> None:
    async with lab() as here:
        await here.shows("h hidden")
        await here.pilot.resize_terminal(*LARGE)
        await here.until(lambda: len(here.line) == 40 and "R restart" in here.line[-1])
        await here.shows("best validation", "nats per character")
        assert {sum(len(segment.text) for segment in line) for line in strips(here.app)} == {120}
        await here.pilot.resize_terminal(*SMALL)
        await here.until(lambda: len(here.line) == 24 and "q quit" in here.line[-1])


async def test_frames_are_left_out_while_output_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lab() as here:
        monkeypatch.setattr(train_module, "output_waits", lambda app: True)
        await here.pilot.pause(0.3)
        before, step = here.text, here.step
        await here.until(lambda: here.step > step + 20)
        assert here.text == before
        monkeypatch.setattr(train_module, "output_waits", lambda app: False)
        await here.until(lambda: here.text != before)


async def test_light_and_dark() -> None:
    async with lab() as here:
        await here.press("f2")
        assert here.app.theme == "lab-light"
        await here.press("f2")
        assert here.app.theme == "lab-dark"
