"""What config.toml says, in the lab: its theme and keys, and what the lab was left with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from app.laboratory import TINY, lab
from app.terminal import Terminal
from screen import drawn, until

from lstm_ext.data import load_text
from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.keymap import key_problems, keymap, table
from lstm_lab.app.lab import LabApp
from lstm_lab.app.pacing import frames_per_second
from lstm_lab.app.remembered import Remembered
from lstm_lab.app.screens.help import Help
from lstm_lab.app.session import Opening, Session, Wish
from lstm_lab.app.theme import DARK, LIGHT
from lstm_lab.settings import Settings

ROWS = table(LabApp)


async def test_a_command_has_the_key_that_the_file_gives_it() -> None:
    async with lab(settings=Settings(keys={"train.pause": "p", "train.text": "D"})) as here:
        assert " p pause " in here.line[-1]
        await here.press("space", "p")
        await here.shows("paused", " p resume ")
        await here.press("p")
        await here.shows("learning")
        await here.press("d")
        assert not here.app.screen.is_modal
        await here.press("D")
        await here.until(lambda: here.app.screen.is_modal)


async def test_the_bar_and_help_show_the_key_that_the_file_gives() -> None:
    async with lab(settings=Settings(keys={"lab.help": "f12"})) as here:
        assert " f12 help " in here.line[-1]
        await here.press("f12")
        await here.asked(Help)


def problems(keys: Mapping[str, str]) -> list[str]:
    return key_problems(keys, ROWS)


def test_ids_and_keys_that_there_are_not_are_problems() -> None:
    assert problems({"train.puase": "p"}) == [
        "keys.train.puase: there is no such command; did you mean train.pause?; `lstm-lab config keys` lists them"
    ]
    assert problems({"train.pause": "spcae"}) == ["keys.train.pause: there is no key 'spcae'; did you mean space?"]
    for key in ("P", "ctrl+p,f12", "?", "question_mark", "shift+up", "ä"):
        assert not any("there is no key" in problem for problem in problems({"train.pause": key})), key


@pytest.mark.parametrize(
    ("keys", "others"),
    [
        ({"train.pause": "n"}, ["train.step"]),  # on the same screen
        ({"train.pause": "q"}, ["lab.quit"]),  # in the whole lab
        ({"samples.up": "n"}, ["train.step"]),  # of a panel of that screen
        ({"train.pause": "p", "train.step": "p"}, ["train.step"]),  # both are the user's
        ({"train.pause": "p", "train.resume": "p"}, []),  # take turns
        ({"train.pause": "P"}, []),
        ({"train.step": "m", "train.model": "n"}, []),  # change places
        ({"step.cell": "R"}, []),  # of another screen
    ],
)
def test_two_commands_with_one_key_are_a_problem(keys: dict[str, str], others: list[str]) -> None:
    found = problems(keys)
    assert len(found) == len(others)
    assert all(f"is {other} already" in problem for problem, other in zip(found, others, strict=True))


def test_no_two_commands_have_one_key_from_the_start() -> None:
    assert [problem for id, row in ROWS.items() for problem in problems({id: ",".join(row.keys)})] == []


def test_commands_that_take_turns_move_together() -> None:
    assert keymap({"train.pause": "p"}, ROWS) == {"train.pause": "p", "train.resume": "p"}
    assert keymap({"train.pause": "p", "train.resume": "r"}, ROWS) == {"train.pause": "p", "train.resume": "r"}
    assert keymap({"nothing": "p"}, ROWS) == {}


@pytest.mark.parametrize(("name", "theme"), [("light", LIGHT.name), ("dark", DARK.name), ("nord", "nord")])
async def test_the_theme_is_that_of_the_file(name: str, theme: str) -> None:
    async with lab(settings=Settings(theme=name)) as here:
        assert here.app.theme == theme


async def test_keys_of_a_lesson_are_no_problem_in_the_lab() -> None:
    assert LabApp(settings=Settings(keys={"replay.pause": "p"})).follow_settings() == []


async def test_a_broken_file_is_a_notice_with_its_first_problem() -> None:
    settings = Settings(theme="lihgt", keys={"train.puase": "p"}, problems=("fps: got 0, expected more",))
    async with lab((120, 40), settings=settings) as here:
        await here.shows("config.toml: fps: got 0, expected more (and 2")
        assert here.app.theme == DARK.name


def test_frames_per_second_are_those_of_the_file() -> None:
    assert frames_per_second({"LSTM_LAB_FPS": "3"}) == 3
    assert frames_per_second({"LSTM_LAB_FPS": "3", "SSH_TTY": "x"}) == 3
    assert frames_per_second({"LSTM_LAB_FPS": "900"}) == 30


# What it was left with.


async def test_the_text_and_the_network_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "last.json"
    async with lab() as here:
        here.app.session.remembered(here.app.theme).write(path)
    assert path.stat().st_mode & 0o077 == 0
    last = Remembered.read(path)
    assert (last.theme, last.data, last.network["hidden_size"]) == (DARK.name, "hamlet", 6)
    assert RunConfig.from_options(last.network).options()["seq_length"] == 50


def test_a_text_of_a_file_is_remembered_by_its_whole_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some.txt").write_bytes("Größe und Maß".encode("latin-1"))
    monkeypatch.chdir(tmp_path)
    last = Remembered.of(TINY.trainer(load_text("some.txt", "latin-1")))
    assert (last.data, last.encoding) == (str(tmp_path / "some.txt"), "latin-1")


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        (Wish(TINY, "gone.txt"), "gone.txt"),
        (Wish(TINY.with_options({"hidden_size": 9_000_000}), "hello"), "hidden_size: got 9000000"),
        (Wish(TINY, "hello"), ""),
    ],
)
async def test_a_wish_that_cannot_be_fulfilled_is_a_notice(
    wish: Wish, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = LabApp(Session(TINY, Opening("hamlet", wish=wish)))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: "learning" in drawn(app))
        assert app.session.trainer is not None
        assert app.session.trainer.text.name == ("hamlet" if problem else "hello")
        if problem:
            await until(pilot, lambda: "The lab opens with hamlet" in drawn(app))
            assert problem in app.session.unfulfilled


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "null",
        '{"theme": 3, "network": []}',
        '{"network": {"hidden_size": [1]}}',
        '{"network": {"hidden_size": -1}}',
        '{"network": {"cell": {}}}',
        "[" * 100_000,
    ],
)
def test_what_makes_no_sense_is_not_remembered(tmp_path: Path, content: str) -> None:
    path = tmp_path / "last.json"
    path.write_text(content)
    assert Remembered.read(path) == Remembered()


@pytest.mark.slow
def test_a_program_opens_as_it_was_left(start: Callable[..., Terminal], tmp_path: Path) -> None:
    first = start("lab", "--data", "hello", "--hidden-size", "7")
    first.until(lambda: b"LSTM 7" in first.output)
    first.press("\x1bOQ")  # F2
    first.until(lambda: b"48;2;250;250;248" in first.output or b"48;5;231" in first.output)
    first.press("q")
    assert first.code() == 0
    log = tmp_path / "lstm-lab" / "log" / "lab.log"
    assert "start: lstm-lab" in log.read_text() and "end: code 0" in log.read_text()

    last = Remembered.read(tmp_path / "lstm-lab" / "last.json")
    assert (last.theme, last.data) == (LIGHT.name, "hello")
    second = start()
    second.until(lambda: b"LSTM 7" in second.output)
    second.press("q")
    assert second.code() == 0

    third = start("lab", "--data", "hamlet")  # what is asked for wins, and then nothing of last time's is left
    third.until(lambda: b"LSTM 128" in third.output)
    third.press("q")
    assert third.code() == 0


@pytest.mark.slow
def test_a_program_follows_its_file(start: Callable[..., Terminal], tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('data = "hamlet"\nglyphs = "ascii"\nlog = false\nfps = 0\n[network]\nhidden_size = 9\nlr = "x"\n')
    lab = start(LSTM_LAB_CONFIG=str(config))
    lab.until(lambda: b"LSTM 9" in lab.output)
    lab.press("q")
    assert lab.code() == 0
    assert lab.output.isascii()
    assert not (tmp_path / "lstm-lab" / "log" / "lab.log").exists()


async def test_the_app_of_a_problem_less_file_says_nothing() -> None:
    app = LabApp(Session(TINY, Opening("hamlet")), settings=Settings())
    async with app.run_test(notifications=True) as pilot:
        await until(pilot, lambda: "learning" in drawn(app))
        assert "config.toml" not in drawn(app)
