"""Dialogs about files: what is offered, the folder above, completion, encodings, and where there is nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from app.laboratory import LARGE, SMALL, TINY, lab
from hostile import HOSTILE, hidden_in
from textual.widgets import DirectoryTree, Input, OptionList, Select

from lstm_ext.data import load_text
from lstm_lab.app.screens.files import OpenFile, OpenText, SaveFile
from lstm_lab.app.screens.path_input import completion
from lstm_lab.runs.registry import KnownText, Registry

SEA = "she sells sea shells by the sea shore\n" * 30


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return here


async def test_texts_that_were_learned_are_offered_in_their_encoding(tmp_path: Path) -> None:
    path = tmp_path / "été.txt"
    path.write_bytes(SEA.replace("sea", "été").encode("latin-1"))
    async with lab() as here:
        await here.press("d")
        await here.asked(OpenText)
        await here.shows("hello", "shakespeare", "encoding", "utf-8")
        await here.type_into("Input", str(path))
        await here.press("enter")
        await here.shows("is not UTF-8")
        here.app.screen.query_one(Select).value = "latin-1"
        await here.pilot.pause()
        here.app.screen.query_one(Input).focus()
        await here.press("enter")
        await here.until(lambda: here.trainer.text.name == str(path))
        assert "é" in here.trainer.vocabulary.symbols
        assert Registry().texts()[0] == KnownText(str(path), "latin-1")
        await here.until(lambda: here.step > 0)
        await here.press("d")
        await here.asked(OpenText)
        await here.shows("été.txt", "in ")
        choices = here.app.screen.query_one(OptionList)
        assert choices.has_focus and choices.option_count == 5
        before = here.trainer
        await here.press("end", "enter")
        await here.until(lambda: here.trainer is not before)
        assert here.trainer.text.name == str(path) and here.trainer.text.encoding == "latin-1"


async def test_checkpoints_used_last_are_offered(tmp_path: Path) -> None:
    trainer = TINY.with_options({"cell": "gru"}).trainer(load_text("hamlet"))
    path = tmp_path / "book.safetensors"
    trainer.save(str(path))
    Registry().remember_run("/nowhere/gone.safetensors")
    Registry().remember_run(str(path))
    async with lab() as here:
        await here.press("l")
        await here.asked(OpenFile)
        await here.shows("book.safetensors")
        assert "gone" not in here.text
        await here.until(lambda: here.app.screen.query_one(OptionList).has_focus)
        await here.press("enter")
        await here.until(lambda: here.trainer.model.config.cell == "gru")


async def test_the_first_line_leads_to_the_folder_above(folder: Path) -> None:
    (folder.parent / "above.txt").write_text(SEA)
    async with lab(LARGE) as here:
        await here.press("d")
        await here.asked(OpenText)
        await here.shows("..  ", "no file here, and no folder")
        tree = here.app.screen.query_one(DirectoryTree)
        tree.focus()
        await here.press("home", "enter")
        await here.shows("above.txt")
        assert Path(tree.path) == folder.parent
        line = next(y for y, line in enumerate(here.line) if "above.txt" in line)
        await here.pilot.click(offset=(here.line[line].index("above"), line))
        await here.until(lambda: here.trainer.text.name.endswith("above.txt"))


async def test_the_first_line_is_clicked(folder: Path) -> None:
    async with lab(SMALL) as here:
        await here.press("l")
        await here.asked(OpenFile)
        await here.shows("no .safetensors file here, and no folder")
        line = next(y for y, line in enumerate(here.line) if "..  " in line)
        await here.pilot.click(offset=(here.line[line].index(".."), line))
        await here.shows("no .safetensors file here; the folders may have some")
        assert Path(here.app.screen.query_one(DirectoryTree).path) == folder.parent


async def test_a_folder_that_is_typed_is_looked_into(folder: Path) -> None:
    (folder / "texts").mkdir()
    (folder / "texts" / "sea.txt").write_text(SEA)
    async with lab(LARGE) as here:
        await here.press("d")
        await here.asked(OpenText)
        await here.type_into("Input", "texts")
        await here.press("enter")
        await here.shows("sea.txt")


async def test_tab_completes_and_then_moves_on(folder: Path) -> None:
    (folder / "texts").mkdir()
    for name in ("sea.txt", "season.txt"):
        (folder / "texts" / name).write_text(SEA)
    async with lab(LARGE) as here:
        await here.press("d")
        await here.asked(OpenText)
        field = here.app.screen.query_one(Input)
        for typed, expected in (("te", "texts/"), ("texts/s", "texts/sea"), ("texts/seas", "texts/season.txt")):
            await here.type_into("Input", typed)
            await here.press("tab")
            await here.until(lambda expected=expected: field.value == expected)
            assert field.has_focus
        await here.type_into("Input", "texts/sea")
        await here.press("tab")
        await here.shows("or: sea.txt  season.txt")
        await here.until(lambda: not field.has_focus)


async def test_where_a_file_is_saved_is_completed_too(folder: Path) -> None:
    (folder / "networks").mkdir()
    async with lab() as here:
        await here.paused()
        await here.press("w")
        await here.asked(SaveFile)
        field = here.app.screen.query_one(Input)
        await here.type_into("Input", "net")
        await here.press("tab")
        await here.until(lambda: field.value == "networks/")
        await here.press(*"mine", "tab")
        await here.until(lambda: not field.has_focus)
        assert field.value == "networks/mine"
        field.focus()
        await here.press("enter")
        await here.until(lambda: (folder / "networks" / "mine.safetensors").exists())


def test_completion(folder: Path) -> None:
    (folder / "one").mkdir()
    (folder / ".hidden").touch()
    (folder / "once.safetensors").touch()
    (folder / "only.txt").touch()
    (folder / HOSTILE.replace("/", "")).touch()
    assert completion("on") == ("on", ["once.safetensors", "one/", "only.txt"])
    assert completion("on", ".safetensors") == ("on", ["once.safetensors", "one/"])
    assert completion("onc", ".safetensors") == ("once.safetensors", ["once.safetensors"])
    assert completion("one") == ("one/", ["one/"])
    assert completion(".h") == (".hidden", [".hidden"])
    assert completion("one/") == ("one/", [])
    assert completion("none/x") == ("none/x", [])
    assert completion("") == ("", [])
    assert completion(os.path.join(str(folder), "onl")) == (os.path.join(str(folder), "only.txt"), ["only.txt"])


async def test_names_of_any_kind_are_offered_as_they_can_be_seen(folder: Path) -> None:
    name = f"{HOSTILE}.txt".replace("/", "")
    (folder / name).write_text(SEA)
    Registry().remember_text(name)
    async with lab(LARGE) as here:
        await here.press("d")
        await here.asked(OpenText)
        await here.until(lambda: here.app.screen.query_one(OptionList).option_count == 5)
        await here.type_into("Input", name[:1])
        await here.press("tab")
        await here.pilot.pause(0.05)
        assert not hidden_in(here.text)
