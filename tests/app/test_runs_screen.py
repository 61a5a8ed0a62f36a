"""The Runs screen: what is listed, and what every key does with the run under the cursor."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from app.laboratory import LARGE, SMALL, TINY, Lab, lab
from hostile import HOSTILE, MARKUP, hidden_in
from screen import strips
from textual.widgets import Input

from lstm_ext.data import load_text
from lstm_ext.errors import CheckpointError
from lstm_ext.lock import locked
from lstm_ext.train.checkpoint import load_header
from lstm_lab.app.recovery import Recovery
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.files import SaveFile
from lstm_lab.app.screens.gates import GatesScreen
from lstm_lab.app.screens.runs import AskName, RunsScreen
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.app.widgets.run_list import RunList


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, and nothing remembered."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return here


def saved(path: Path | str, steps: int = 3, **options: object) -> str:
    """A checkpoint of a small network."""
    trainer = TINY.with_options(options).trainer(load_text("hamlet"))
    trainer.run(steps=steps)
    trainer.save(str(path))
    return str(path)


def left_behind(folder: Path, steps: int = 4) -> Path:
    """What a lab kept."""
    recovery = Recovery.new(folder)
    trainer = TINY.trainer(load_text("hamlet"))
    trainer.run(steps=steps)
    recovery.keep(trainer)
    recovery.release()
    return recovery.path


class Runs:
    """The lab at its Runs screen."""

    def __init__(self, here: Lab) -> None:
        self.here = here

    @property
    def screen(self) -> RunsScreen:
        assert isinstance(self.here.app.screen, RunsScreen)
        return self.here.app.screen

    @property
    def names(self) -> list[str]:
        screen = self.here.app.screen
        choice = screen.query_one(RunList).choice if isinstance(screen, RunsScreen) else None
        return [] if choice is None else [run.name for run in choice.runs]

    @property
    def at(self) -> str:
        assert self.screen.run is not None
        return self.screen.run.name

    async def press(self, *keys: str) -> None:
        await self.here.press(*keys)
        await self.here.pilot.pause()


@asynccontextmanager
async def runs(
    count: int, size: tuple[int, int] = SMALL, *, ascii_only: bool = False, folder: Path | None = None
) -> AsyncIterator[Runs]:
    """The screen, once it lists ``count`` runs."""
    async with lab(size, ascii_only=ascii_only, folder=folder) as here:
        if folder is None:
            await here.paused()
        await here.press("9")
        found = Runs(here)
        await here.until(lambda: isinstance(here.app.screen, RunsScreen) and len(found.names) == count)
        await here.pilot.pause()
        yield found


@pytest.mark.parametrize("size", [SMALL, LARGE, (200, 55), (60, 16)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_size_is_filled_and_ascii_is_ascii(size: tuple[int, int], ascii_only: bool) -> None:
    saved("one.safetensors")
    saved("two.safetensors", 120, cell="gru", num_layers=2)
    Path("broken.safetensors").write_bytes(b"no checkpoint")
    async with runs(3, size, ascii_only=ascii_only) as here:
        for keys in ((), ("o",), ("slash", "t", "enter")):
            await here.press(*keys)
            assert {sum(segment.cell_length for segment in line) for line in strips(here.here.app)} == {size[0]}
            assert here.here.text.isascii() or not ascii_only


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_without_colour(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    saved("one.safetensors")
    saved("two.safetensors")
    async with runs(2, size) as here:
        await here.press("home", "o")
        await here.here.shows(f"›●{here.at}")


async def test_a_row_says_what_the_checkpoint_holds() -> None:
    path = saved("book.safetensors", 120, cell="gru", num_layers=2)
    async with runs(1) as here:
        header = load_header(path)
        assert header.history.best_val is not None
        line = next(line for line in here.here.line if "GRU 6×2" in line)
        for said in ("book", "hamlet", f"{header.history.best_val:.3f}", f"{header.history.best_val / 0.6931472:.2f}"):
            assert said in line
        assert " 120 " in line and " now " in line and any(bar in line for bar in "▁▂▃▄▅▆▇█")
        assert "120 steps in" in here.here.text and f"{header.config.num_parameters:,} parameters" in here.here.text


async def test_nothing_to_show_is_said() -> None:
    async with lab() as here:
        await here.press("9")
        await here.shows("No runs yet.")
        await here.press("enter", "o", "g", "n", "D", "e", "s", "down", "end")  # nothing to do it with
        assert isinstance(here.app.screen, RunsScreen)


async def test_arrows_wheel_and_mouse_move_the_cursor() -> None:
    for name in "abcd":
        saved(f"{name}.safetensors", 2)
    async with runs(4) as here:
        await here.press("s", "s")
        assert here.names == list("abcd")
        await here.press("home")
        for key, expected in (("down", "b"), ("end", "d"), ("up", "c"), ("pageup", "a"), ("pagedown", "d")):
            await here.press(key)
            assert here.at == expected, key
        row = next(y for y, line in enumerate(here.here.line) if " b " in line and "LSTM" in line)
        await here.here.pilot.click(offset=(5, row))
        await here.here.until(lambda: here.at == "b")
        here.screen.query_one(RunList).on_mouse_scroll_down(_Scroll())  # type: ignore[arg-type]
        await here.here.until(lambda: here.at == "c")
        here.screen.query_one(RunList).on_mouse_scroll_up(_Scroll())  # type: ignore[arg-type]
        await here.here.until(lambda: here.at == "b")


class _Scroll:
    def stop(self) -> None:
        pass


async def test_sorting_by_key_and_by_click() -> None:
    saved("much.safetensors", 200)
    saved("little.safetensors", 100)
    saved("large.safetensors", 100, hidden_size=12)
    losses = {name: load_header(f"{name}.safetensors").history.best_val for name in ("much", "little", "large")}
    async with runs(3) as here:
        assert here.names == ["large", "little", "much"]  # the newest first
        await here.press("s")
        assert here.names == sorted(losses, key=lambda name: losses[name] or 0.0)
        await here.press("s")
        assert here.names == ["large", "little", "much"]
        here.screen.action_sort("steps")
        assert here.names[0] == "much"
        heading = next(y for y, line in enumerate(here.here.line) if "name" in line and "nats" in line)
        await here.here.pilot.click(offset=(here.here.line[heading].index("network"), heading))
        await here.here.until(lambda: here.names[0] == "large")


async def test_filtering_follows_what_is_typed() -> None:
    saved("sea.safetensors")
    saved("sky.safetensors", cell="gru")
    async with runs(2) as here:
        await here.press("slash", *"gru")
        await here.here.until(lambda: here.names == ["sky"])
        await here.press("x")
        await here.here.shows("No run has “grux”")
        await here.press("escape")
        await here.here.until(lambda: len(here.names) == 2)
        await here.press("slash", "s", "e", "a", "enter")
        await here.here.until(lambda: here.names == ["sea"])
        await here.press("escape")
        await here.here.until(lambda: len(here.names) == 2)


async def test_enter_continues_it_in_train() -> None:
    saved("book.safetensors", 321, cell="gru")
    async with runs(1) as here:
        app = here.here.app
        await here.press("enter")
        await here.here.until(lambda: isinstance(app.screen, TrainScreen))
        await here.here.until(lambda: here.here.trainer.model.config.cell == "gru")
        assert here.here.step >= 321


async def test_overlays_are_toggled() -> None:
    path = os.path.abspath(saved("book.safetensors", 5))
    async with runs(1) as here:
        session = here.here.app.session
        await here.press("o")
        assert [(each.path, each.name) for each in session.laid_over] == [(path, "LSTM 6 book.safetensors")]
        assert "●book" in here.here.text
        await here.press("o")
        assert session.laid_over == () and "●" not in here.here.text


async def test_gates_of_a_run() -> None:
    saved("book.safetensors", 7, cell="gru")
    async with runs(1) as here:
        app = here.here.app
        await here.press("g")
        await here.here.until(lambda: isinstance(app.screen, GatesScreen))
        await here.here.shows("book.safetensors", "GRU 6")


@pytest.mark.parametrize("text", ["hamlet", "sea.txt"])
async def test_walking_through_a_run(text: str) -> None:
    Path("sea.txt").write_text("ab cd 1234\n" * 60)  # which has no hello
    trainer = TINY.with_options({"cell": "gru"}).trainer(load_text(text))
    trainer.run(steps=3)
    trainer.save("book.safetensors")
    async with runs(1) as here:
        app = here.here.app
        await here.press("w")
        await here.here.until(lambda: isinstance(app.screen, StepScreen))
        await here.here.shows("book.safetensors", "GRU")


async def test_gates_of_a_run_that_learned_another_text() -> None:
    path = Path("sea.txt")
    path.write_text("she sells sea shells by the sea shore 1234\n" * 30)
    trainer = TINY.trainer(load_text("sea.txt"))
    trainer.run(steps=3)
    trainer.save("book.safetensors")
    async with runs(1) as here:
        app = here.here.app
        await here.press("g")
        await here.here.until(lambda: isinstance(app.screen, GatesScreen))
        await here.here.shows("book.safetensors", "LSTM 6")
        assert trainer.split.validation is not None
        look = app.screen.look  # type: ignore[attr-defined]
        assert look.units.text == trainer.vocabulary.decode(trainer.split.validation)


async def test_another_name() -> None:
    saved("book.safetensors")
    saved("book.old-1.safetensors")
    saved("other.safetensors")
    async with runs(3) as here:
        await here.press("s", "s", "home", "n")
        await here.here.asked(AskName)
        for name, problem in (("other", "is there already"), ("a/b", "without a folder"), ("x.txt", "ends in")):
            await here.here.type_into("Input", name)
            await here.press("enter")
            await here.here.shows(problem)
        await here.here.type_into("Input", "novel")
        await here.press("enter")
        await here.here.until(lambda: here.here.app.screen.__class__ is RunsScreen and "novel" in here.names)
        assert here.at == "novel"
        assert sorted(os.listdir()) == ["novel.old-1.safetensors", "novel.safetensors", "other.safetensors"]


async def test_deleting_asks() -> None:
    saved("book.safetensors")
    saved("book.old-1.safetensors")
    async with runs(2) as here:
        await here.press("home", "D")
        await here.here.asked(Ask)
        await here.press("k")
        await here.here.until(lambda: isinstance(here.here.app.screen, RunsScreen))
        assert os.path.exists("book.safetensors")
        await here.press("D")
        await here.here.asked(Ask)
        await here.press("d")
        await here.here.until(lambda: isinstance(here.here.app.screen, RunsScreen) and here.names == ["book.old-1"])
        assert os.listdir() == ["book.old-1.safetensors"]


async def test_what_another_process_writes_is_left_to_it() -> None:
    path = saved("book.safetensors")

    def refuse(_: object) -> None:
        raise CheckpointError(f"{path}: process 12 on somewhere is writing this file; wait until it ends")

    async with runs(1) as here:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("lstm_lab.runs.files.locked", refuse)
            await here.press("D")
            await here.here.asked(Ask)
            await here.press("d")
            await here.here.shows("process 12 on", "is writing this file")
        assert os.path.exists(path)
        with locked(path):
            here.screen.look()
            await here.here.shows("training now")


async def test_what_is_gone_is_forgotten() -> None:
    async with runs(0) as here:
        registry = here.here.app.session.registry
        registry.remember_run("/nowhere/book.safetensors")
        here.screen.look()
        await here.here.shows("the file is gone")
        await here.press("D")
        await here.here.until(lambda: not here.names)
        assert registry.runs() == []


async def test_all_that_are_gone_are_forgotten() -> None:
    async with runs(0) as here:
        for name in "ab":
            here.here.app.session.registry.remember_run(f"/nowhere/{name}.safetensors")
        here.screen.look()
        await here.here.until(lambda: len(here.names) == 2)
        await here.press("F")
        await here.here.until(lambda: not here.names)


async def test_training_that_was_not_saved_is_listed_saved_and_continued(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    first, second = left_behind(kept, 4), left_behind(kept, 321)
    async with lab() as here:
        here.app.session.unsaved_folder = kept
        await here.paused()
        await here.press("9")
        found = Runs(here)
        await here.until(lambda: isinstance(here.app.screen, RunsScreen) and len(found.names) == 2)
        await here.shows("(unsaved) hamlet", "2 unsaved")
        found.screen.action_sort("steps")
        await here.press("end", "n")
        await here.asked(SaveFile)
        await here.type_into("Input", "mine")
        await here.press("enter")
        await here.until(lambda: not first.exists() and "mine" in found.names)
        assert load_header("mine.safetensors").step == 4
        await here.press("home", "enter")
        await here.until(lambda: isinstance(here.app.screen, TrainScreen))
        await here.until(lambda: here.app.session.recovery_paths() == [second])  # it is kept in the same file
        assert here.step >= 321


async def test_the_current_run_is_not_listed_as_unsaved(tmp_path: Path) -> None:
    async with lab(folder=tmp_path / "kept") as here:
        (path,) = here.app.session.recovery_paths()
        recovery = here.app.session._recovery
        assert recovery is not None
        recovery.keep(here.trainer)
        assert path.exists()
        await here.press("9")
        await here.shows("No runs yet.")
        assert "waiting" not in here.text  # nothing is on its way


@pytest.mark.parametrize("name", ["curve.csv", "curve.json", "screen.svg"])
async def test_exporting(name: str) -> None:
    path = saved("book.safetensors", 5)
    async with runs(1) as here:
        await here.press("e")
        await here.here.asked(SaveFile)
        assert here.here.app.screen.query_one(Input).value == "book.csv"
        await here.here.type_into("Input", name)
        await here.press("enter")
        await here.here.until(lambda: os.path.exists(name))
        content = Path(name).read_text()
        smoothed = load_header(path).history.view().smoothed.tolist()
        if name.endswith(".csv"):
            assert [float(line.split(",")[4]) for line in content.splitlines()[1:]] == smoothed
        elif name.endswith(".json"):
            assert json.loads(content)["smoothed"] == smoothed and json.loads(content)["name"] == "book"
        else:
            assert content.startswith("<svg")


async def test_hostile_names_and_foreign_files() -> None:
    saved(f"{HOSTILE}.safetensors".replace("/", ""))
    saved(f"{MARKUP[:8]}.safetensors".replace("/", ""))
    Path("cut.safetensors").write_bytes(Path(saved("whole.safetensors")).read_bytes()[:-9])
    Path("empty.safetensors").touch()
    os.mkfifo("pipe.safetensors")
    Path("folder.safetensors").mkdir()
    async with runs(4, LARGE) as here:
        for _ in range(4):
            await here.press("down")
            assert not hidden_in(here.here.text)
        assert "cut" in here.names and "pipe" not in here.names
        await here.here.shows("cut short, damaged")
