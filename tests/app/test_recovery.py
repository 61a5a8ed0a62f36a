"""Recovery checkpoints: what a lab leaves, what the next one offers, and that training continues exactly."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from app.laboratory import LARGE, SMALL, TINY, Lab, lab
from runs import assert_same_run
from textual.widgets import OptionList

from lstm_ext import LanguageModel, ModelConfig
from lstm_ext.data import load_text
from lstm_ext.train.checkpoint import load_checkpoint
from lstm_ext.train.trainer import Trainer
from lstm_lab.app import recovery as recovery_module
from lstm_lab.app import session as session_module
from lstm_lab.app.lab import AskToQuit, LabApp
from lstm_lab.app.recovery import Recovery, left_behind
from lstm_lab.app.screens.dialog import Ask
from lstm_lab.app.screens.files import SaveFile
from lstm_lab.app.screens.recover import Recover
from lstm_lab.app.session import Opening, Session

CONFIG = TINY.with_options({"eval_every": 20, "dropout": 0.3})


@pytest.fixture(autouse=True)
def everything_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(session_module, "UNNOTICED_SECONDS", 0.0)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "recovery"


def left(folder: Path) -> list[str]:
    """Names in the folder, hidden ones too."""
    return sorted(os.listdir(folder)) if folder.exists() else []


def cut_off(folder: Path, text: str = "hamlet", steps: int = 40) -> int:
    """A lab trained and was cut off; returns at which step."""
    session = Session(CONFIG, folder=folder)
    session.use(session.make(CONFIG, load_text(text)))
    assert session.trainer is not None
    session.trainer.run(steps=steps)
    assert session.close(keep=True) == ""
    return session.trainer.snapshot().step


@asynccontextmanager
async def offering(folder: Path, size: tuple[int, int] = SMALL) -> AsyncIterator[Lab]:
    """A lab that opens with the question."""
    app = LabApp(Session(CONFIG, Opening("abc"), folder=folder))
    async with app.run_test(size=size, notifications=True) as pilot:
        here = Lab(app, pilot)
        await here.asked(Recover)
        yield here
        app.session.close(keep=app.keeps)


# What is kept, and that it is the same run.


def test_training_continues_as_if_it_had_not_been_cut_off(folder: Path) -> None:
    cut_off(folder, steps=40)
    session = Session(CONFIG, folder=folder)
    (recovery,) = session.left_behind()
    trainer = session.resume(recovery)
    session.use(trainer, recovery)
    trainer.run(steps=100)
    whole = CONFIG.trainer(load_text("hamlet"))
    whole.run(steps=100)
    trainer.save("one.safetensors")
    whole.save("other.safetensors")
    assert_same_run(load_checkpoint("one.safetensors").state, load_checkpoint("other.safetensors").state)
    session.close(keep=False)
    assert left(folder) == []


def test_the_text_is_found_from_another_folder(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "sea.txt").write_text("the sea, the sea, " * 90)
    monkeypatch.chdir(tmp_path / "texts")
    cut_off(folder, "sea.txt")
    monkeypatch.chdir(tmp_path)
    (recovery,) = left_behind(folder)
    trainer = Session(CONFIG).resume(recovery)
    assert trainer.text.name == str(tmp_path / "texts" / "sea.txt") and trainer.snapshot().message == ""
    recovery.release()


def test_files_are_the_users_alone(folder: Path) -> None:
    cut_off(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    names = left(folder)
    assert [Path(name).suffix for name in names] == [".folder", ".safetensors"]
    assert (folder / names[1]).stat().st_mode & 0o777 == 0o600


def test_a_running_labs_is_not_offered_and_a_dead_ones_leftovers_go(folder: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from lstm_lab.app.recovery import Recovery\n"
        "one, two = Recovery.new(Path(sys.argv[1])), Recovery.new(Path(sys.argv[1]))\n"
        "one.path.write_bytes(b'x'); print('ready', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        before = left(folder)
        assert left_behind(folder) == [] and left(folder) == before and len(before) == 5
        process.kill()
    (recovery,) = left_behind(folder)
    assert recovery.path.read_bytes() == b"x"
    recovery.release()
    assert left(folder) == sorted([recovery.path.name, recovery.path.with_suffix(".folder").name])


def test_two_labs_are_never_offered_the_same(folder: Path) -> None:
    cut_off(folder)
    (recovery,) = left_behind(folder)
    program = "import sys; from pathlib import Path; from lstm_lab.app.recovery import Recovery, left_behind as f; "
    program += "print(len(f(Path(sys.argv[1]))))"
    count = [sys.executable, "-c", program, str(folder)]
    assert subprocess.run(count, capture_output=True, check=True).stdout == b"0\n"
    recovery.release()
    assert subprocess.run(count, capture_output=True, check=True).stdout == b"1\n"


async def test_it_is_written_while_training_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery_module, "SECONDS", 0.05)
    async with lab(folder=folder) as here:
        await here.until(lambda: list(folder.glob("*.safetensors")))
        (path,) = folder.glob("*.safetensors")
        await here.until(lambda: path.stat().st_size)
        first = load_checkpoint(str(path)).state.step
        await here.until(lambda: load_checkpoint(str(path)).state.step > first)
        await here.paused()
        await here.press("q")
        await here.until(lambda: here.app.return_code == 0)
    assert left(folder) == [], "less than a minute, and the user wanted to go"


@pytest.mark.parametrize("why", ["no permission", "a file in its place"])
async def test_where_none_can_be_kept_training_is_possible(
    why: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "no permission":

        def refused(*_: object, **__: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "mkdir", refused)
    else:
        folder.parent.mkdir()
        folder.touch()
    async with lab(folder=folder) as here:
        await here.until(lambda: here.step > 20)
        await here.shows("If the lab is cut off")
        await here.press("q")
        await here.until(lambda: here.app.return_code == 0)


async def test_a_disk_that_fills_up_is_told_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(recovery_module, "SECONDS", 0.05)
    async with lab(LARGE, folder=folder) as here:
        monkeypatch.setattr(Trainer, "save", full)
        await here.shows("If the lab is cut off", "No space")
        here.app.clear_notifications()
        await here.until(lambda: "No space" not in here.text)
        step = here.step
        await here.until(lambda: here.step > step + 50)
        assert "No space" not in here.text
        monkeypatch.undo()


def test_what_is_forgotten_is_not_written_again_by_a_checkpoint_that_was_due(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recovery = Recovery.new(folder)
    trainer = Trainer(LanguageModel(ModelConfig(3, 4, 3)), load_text("abc"))
    trainer.run(steps=3)
    recovery.keep(trainer)
    trainer.run(steps=3)
    waiting = threading.Thread(target=recovery.keep, args=(trainer,))
    unlink = Path.unlink

    def slowly(path: Path, missing_ok: bool = False) -> None:
        if not waiting.ident:
            waiting.start()
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", slowly)
    recovery.release(keep=False)
    waiting.join()
    assert left(folder) == []


def test_a_full_disk_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    session = Session(CONFIG, folder=folder)
    session.use(session.make(CONFIG, load_text("hamlet")))
    assert session.trainer is not None
    session.trainer.run(steps=3)
    monkeypatch.setattr(recovery_module, "write_atomically", full)
    assert "No space left" in session.close(keep=True)


def test_what_was_not_to_be_kept_is_not_called_lost(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    session = Session(CONFIG, folder=folder)
    session.use(session.make(CONFIG, load_text("hamlet")))
    monkeypatch.setattr(recovery_module.Recovery, "clear", refused)
    assert session.close(keep=False) == ""


# Quitting.


@pytest.mark.parametrize(("keys", "kept"), [("q", True), ("d", False), ("c", None)])
async def test_quitting_keeps_unless_told_to_discard(
    keys: str, kept: bool | None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "TRIVIAL_SECONDS", 0.0)
    async with lab(folder=folder) as here:
        await here.press("q")
        await here.asked(AskToQuit)
        await here.shows("are not saved", "next start of the lab", "Save and quit (s)", "Discard (d)", "Cancel (c)")
        await here.press(keys)
        if kept is None:
            await here.shows("Status")
            assert here.app.is_running and here.trainer.running
        else:
            await here.until(lambda: here.app.return_code == 0)
    assert len(list(folder.glob("*.safetensors"))) == (kept is not False)


async def test_what_was_saved_is_not_offered(folder: Path) -> None:
    # Paused when an evaluation is due, a run would write once more when that has been done.
    async with lab(config=TINY.with_options({"eval_every": 1_000_000}), folder=folder) as here:
        await here.paused()
        await here.press("w")
        await here.asked(SaveFile)
        await here.press("enter")
        await here.shows("Saved")
        assert here.app.session.unsaved_steps() == 0
    assert left(folder) == []


async def test_another_network_has_a_file_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery_module, "SECONDS", 0.05)
    async with lab(folder=folder) as here:
        await here.until(lambda: list(folder.glob("*.safetensors")))
        (first,) = folder.glob("*.safetensors")
        before = here.trainer
        await here.press("R")
        await here.until(lambda: here.trainer is not before)
        assert not first.exists()
        await here.until(lambda: list(folder.glob("*.safetensors")))
        assert not first.exists()


# The question at the start.


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("key", ["enter", "c"])
async def test_continuing(folder: Path, size: tuple[int, int], key: str) -> None:
    step = cut_off(folder)
    async with offering(folder, size) as here:
        await here.shows("Training that was not saved", "hamlet · LSTM 6 · step 40 · trained 0:00 · just now")
        await here.shows("Continue (c)", "Save as (n)", "Discard (d)", "Later (l)")
        await here.press(key)
        await here.until(lambda: here.app.session.trainer is not None and here.step > step)
        assert here.trainer.text.name == "hamlet"
        await here.shows("learning")
        names = left(folder)
        assert len(names) == 3, "it goes on in the same file, with its lock"
        here.app.session.close(keep=True)
        assert load_checkpoint(str(folder / names[2])).state.step > step


async def test_later(folder: Path) -> None:
    cut_off(folder)
    before = left(folder)
    async with offering(folder) as here:
        await here.press("escape")
        await here.until(lambda: here.app.session.trainer is not None and here.trainer.text.name == "abc")
        here.app.keeps = False
    assert left(folder) == before


async def test_discarding_asks_once_more(folder: Path) -> None:
    cut_off(folder)
    async with offering(folder) as here:
        await here.press("d")
        await here.asked(Ask)
        await here.shows("This training is then gone: hamlet · LSTM 6 · step 40", "Keep it (k)")
        await here.press("enter")
        await here.asked(Recover)
        assert len(left(folder)) == 3
        await here.press("d")
        await here.asked(Ask)
        await here.press("d")
        await here.until(lambda: here.app.session.trainer is not None)
        assert here.trainer.text.name == "abc"
        here.app.keeps = False
    assert left(folder) == []


async def test_saving_it_under_a_name(folder: Path, tmp_path: Path) -> None:
    step = cut_off(folder)
    async with offering(folder) as here:
        await here.press("n")
        await here.asked(SaveFile)
        await here.shows("hamlet-lstm-6.safetensors")
        await here.type_into("Input", "mine")
        await here.press("enter")
        await here.until(lambda: here.app.session.trainer is not None)
        here.app.keeps = False
    assert load_checkpoint(str(tmp_path / "mine.safetensors")).state.step == step
    assert left(folder) == []


async def test_several_of_them(folder: Path) -> None:
    cut_off(folder, "hello", steps=7)
    cut_off(folder, "hamlet", steps=9)
    for path in folder.glob("*.safetensors"):
        if load_checkpoint(str(path)).text.name == "hello":
            os.utime(path, (0, os.stat(path).st_mtime - 7200))
    async with offering(folder) as here:
        await here.shows("hamlet · LSTM 6 · step 9", "hello · LSTM 6 · step 7", "2 h ago")
        lines = here.text
        assert lines.index("hamlet") < lines.index("hello · LSTM"), "the newest first"
        await here.press("d")
        await here.asked(Ask)
        await here.press("d")
        await here.asked(Recover)
        await here.until(lambda: here.app.screen.query_one(OptionList).option_count == 1)
        await here.press("enter")
        await here.until(lambda: here.app.session.trainer is not None and here.trainer.text.name == "hello")


@pytest.mark.parametrize("what", ["text", "file"])
async def test_what_cannot_be_continued_says_why(what: str, folder: Path, tmp_path: Path) -> None:
    text = tmp_path / "sea.txt"
    text.write_text("the sea, the sea, " * 90)
    cut_off(folder, "sea.txt")
    if what == "text":
        text.unlink()
    else:
        (path,) = folder.glob("*.safetensors")
        path.write_bytes(b"x" * 100)
    async with offering(folder) as here:
        await here.press("enter")
        await here.shows("built-in" if what == "text" else "damaged")  # a single word, wherever the lines break
        await here.until(lambda: here.app.screen.query_one(".dialog--error").display)
        await here.press("l")
        await here.until(lambda: here.app.session.trainer is not None)
        here.app.keeps = False
    assert len(left(folder)) == 2


async def test_quitting_while_asked_leaves_everything(folder: Path) -> None:
    cut_off(folder)
    before = left(folder)
    async with offering(folder) as here:
        await here.press("q")
        await here.until(lambda: here.app.return_code == 0)
    assert [name for name in left(folder) if not name.endswith(".lock")] == before
    for recovery in left_behind(folder):
        recovery.release()


# Saving under a name.


async def save_as(here: Lab, name: str) -> None:
    await here.press("w")
    await here.asked(SaveFile)
    await here.type_into("Input", name)
    await here.press("enter")


async def test_weights_take_the_place_of_no_other_file(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("of the lecture")
    async with lab() as here:
        await save_as(here, "notes.txt")
        await here.shows("got 'notes.txt', expected a file name that ends in", ".safetensors or has no suffix")
        assert notes.read_text() == "of the lecture"
        await here.type_into("Input", "notes")
        await here.press("enter")
        await here.shows("Saved notes.safetensors")
        assert load_checkpoint(str(tmp_path / "notes.safetensors")).state.step > 0


@pytest.mark.parametrize("key", ["w", "e"])
async def test_nothing_is_replaced_without_a_question(key: str, tmp_path: Path) -> None:
    path = tmp_path / ("m.safetensors" if key == "w" else "m.csv")
    path.write_text("precious")
    async with lab() as here:
        await here.press(key)
        await here.asked(SaveFile)
        await here.type_into("Input", path.name)
        await here.press("enter")
        await here.asked(Ask)
        await here.shows(f"{path.name} is there already", "Another name (a)", "Replace it (r)")
        await here.press("enter")
        await here.asked(SaveFile)
        assert path.read_text() == "precious"
        await here.press("enter")
        await here.asked(Ask)
        await here.press("r")
        await here.until(lambda: path.read_bytes() != b"precious")


async def test_a_file_that_another_process_writes_is_left_to_it(tmp_path: Path) -> None:
    program = "import sys; from lstm_ext.lock import locked\nwith locked('m.safetensors'): print(1, flush=True)"
    program += "; sys.stdin.read()"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None and process.stdout.readline() == b"1\n"
        async with lab(LARGE) as here:
            await save_as(here, "m")
            await here.shows(f"process {process.pid}", "is writing this file")
        process.communicate(b"")
    assert not (tmp_path / "m.safetensors").exists()
