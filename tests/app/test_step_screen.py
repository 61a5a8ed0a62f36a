"""The Step screen, driven by keys and mouse, judged by what it draws: its numbers are those of the walk."""

from __future__ import annotations

import pytest
from app.stepping import LARGE, SMALL, SUBJECTS, Walker, walking, words
from screen import drawn, segments, until
from textual.widgets import Input

from lstm_ext.cells import CELLS
from lstm_ext.explain.walk import Moment, Walk
from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.keys import commands
from lstm_lab.app.lab import LabApp
from lstm_lab.app.screens.help import Help
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.screens.subject import MAX_TEXT, MAX_UNITS, AskText, Subject
from lstm_lab.app.session import Opening, Session
from lstm_lab.app.widgets.cell_diagram import CellDiagram
from lstm_lab.app.widgets.stage_detail import StageDetail
from lstm_lab.app.widgets.stage_list import StageList
from lstm_lab.app.widgets.text_ribbon import TextRibbon
from lstm_lab.text import formulas
from lstm_lab.text.formulas import ascii_formula, format_number


def check_detail(here: Walker, expected: Moment, unit: int, ascii_only: bool = False) -> None:
    """The stage's symbol, equation, numbers, values and meaning are on the screen, as the walk has them."""
    spell = ascii_formula if ascii_only else str
    lines = here.panel(StageDetail)
    text = words(lines)
    symbol, _, right = spell(formulas.equation(expected)).partition(" = ")
    assert any(line.startswith(symbol) for line in lines), (expected.stage.id, lines)
    if expected.stage.id not in ("x", "dh_prev"):
        assert right in text
    if here.app.size.width > 80:
        assert spell(formulas.meaning(expected, unit)) in text or formulas.summands(expected, unit)
    value = expected.value(unit)
    if value is not None:
        assert f"= {format_number(value)}" in text
    # Where there is no room for everything, the products stay.
    if expected.stage.axis == "unit" and (expected.stage.id != "dh_prev" or here.app.size.width > 80):
        for k, number in enumerate(expected.values):
            assert f"unit {k} {format_number(float(number))}" in text
    for part in formulas.summands(expected, unit):
        assert any(line.startswith(part.label) and format_number(part.value) in line for line in lines)
        assert spell(part.product) in text


# What it shows.


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_opens_with_hello_and_an_untrained_lstm(size: tuple[int, int]) -> None:
    async with walking(size) as here:
        text = drawn(here.app)
        assert "LSTM · 3 units · untrained" in text and "2 Step" in text
        assert here.at == ("forward", 1, "x")
        assert words(here.panel(TextRibbon)).startswith("forward 1 of 4 h→e e→l l→l l→o")
        assert "x₁ = one-hot('h')" in text
        stages = [line.split()[0] for line in here.panel(StageList)[2:] if line]
        assert " ".join(stages) == "h₀ C₀ a_f f₁ a_i i₁ a_g g₁ C₁ a_o o₁ tanh(C₁) h₁ y₁ p₁ L₁"
        assert (words(here.panel(CellDiagram)).startswith("LSTM cell")) == (size == LARGE)


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: f"{subject.cell}{'-after' * subject.reset_after}")
async def test_every_stage_of_every_cell_is_complete_at_80_by_24(subject: Subject) -> None:
    walk = subject.walk().walk
    async with walking() as here:
        here.screen._walk(subject)
        await here.walks(subject)
        assert len(here.place.walk.moments) == len(walk.moments)
        for number, moment in enumerate(walk.moments):
            assert here.at == (moment.phase, moment.step.t, moment.stage.id)
            check_detail(here, moment, unit=0)
            listed = here.row(StageList, "▸")
            assert formulas.symbol(moment) in listed and moment.stage.name in listed
            value = moment.value(0)
            if value is not None:
                assert listed.endswith(format_number(value))
            here.screen.action_move(1)
            await here.pilot.pause()
            assert here.place.index == min(number + 1, len(walk.moments) - 1)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: f"{subject.cell}{'-after' * subject.reset_after}")
async def test_the_diagram_has_the_values_of_the_walk(subject: Subject) -> None:
    walk = subject.walk().walk
    async with walking(LARGE) as here:
        here.screen._walk(subject)
        await here.walks(subject)
        last = "h" if subject.cell != "lstm" else "tanh_c"
        for phase, stage in (("forward", last), ("forward", "h"), ("backward", "dh_prev")):
            await here.go(phase, 3, stage)
            picture = words(here.panel(CellDiagram))
            for moment in walk.moments:
                known = here.place.known(3, moment.stage.id)
                if (moment.phase, moment.step.t) != (phase, 3) or moment.stage.axis != "unit" or not known:
                    continue
                if moment.stage.id != "tanh_c":
                    assert formulas.symbol(moment) in picture and format_number(moment.value(0) or 0) in picture


async def test_what_is_not_computed_yet_is_not_shown() -> None:
    async with walking(LARGE) as here:
        await here.go("forward", 2, "f")
        walk = here.place.walk
        hidden = format_number(float(walk.steps[1].values["i"][0]))
        assert hidden not in drawn(here.app)
        assert here.row(StageList, "i₂").endswith("·")
        assert "not yet predicted" in drawn(here.app)
        assert words(here.panel(TextRibbon)).count("%") == 1
        await here.press("right", "right")
        assert here.row(StageList, "i₂").endswith(hidden)


async def test_the_softmax_has_a_bar_for_every_character_and_marks_the_target() -> None:
    async with walking() as here:
        await here.press("w")
        await here.walks(Subject(trained=True))
        await here.go("forward", 4, "p")
        p = here.place.walk.steps[3].values["p"]
        assert p[3] >= 0.9
        for symbol, letter in enumerate("ehlo"):
            line = here.row(StageDetail, f"'{letter}'")
            assert format_number(float(p[symbol])) in line
            assert ("target" in line and "▸" in line) == (letter == "o")
        bars = [here.row(StageDetail, f"'{letter}'").count("━") for letter in "ehlo"]
        assert bars[3] == max(bars) > 10 * max(bars[:3])


async def test_weight_gradients_are_those_of_the_chosen_unit() -> None:
    async with walking() as here:
        await here.go("backward", 3, "dW")
        await here.press("down")
        for entry in here.place.walk.weight_rows(here.moment.step, 1):
            numbers = [format_number(entry.da), *(format_number(float(number)) for number in entry.recurrent)]
            assert here.row(StageDetail, entry.weights).split()[1:] == numbers
        await here.go("backward", 3, "dW_y")
        values = here.moment.step.values
        expected = [format_number(float(values["dy"][2])), *(format_number(float(g)) for g in here.moment.values[2])]
        assert here.row(StageDetail, "'l'").split()[2:] == expected


async def test_the_update_sums_up() -> None:
    async with walking() as here:
        await here.press("end")
        await here.go("update", 0, "scale")
        walk = here.place.walk
        assert "= min(1, 5.0000 / " + format_number(float(walk.update.values["norm"][0])) in drawn(here.app)
        assert f"loss {walk.loss:.4f}" in drawn(here.app)
        await here.press("left", "left")
        for name, size in zip(walk.arrays, walk.update.values["total"], strict=True):
            assert format_number(float(size)) in here.row(StageDetail, name)


# Moving.


async def test_keys_walk_through_the_text() -> None:
    async with walking() as here:
        await here.press("right", "space", "left")
        assert here.at == ("forward", 1, "h_prev")
        await here.press("]")
        assert here.at == ("forward", 2, "x")
        await here.press("pagedown", "right", "[")
        assert here.at == ("forward", 3, "x")
        await here.press("[")
        assert here.at == ("forward", 2, "x")
        await here.press("pagedown", "pagedown", "pagedown")
        assert here.at == ("backward", 4, "dy")
        assert "backward 4 of 4" in drawn(here.app)
        await here.press("]")
        assert here.at == ("backward", 3, "dy")
        await here.press("end", "right")
        assert here.at == ("update", 0, "after")
        await here.press("home", "left", "pageup")
        assert here.at == ("forward", 1, "x")


@pytest.mark.parametrize(
    ("stage", "back", "forth"),
    [
        ("f", "df", "f"),
        ("a_o", "da_o", "a_o"),
        ("p", "dy", "y"),
        ("tanh_c", "dc", "c"),
        ("c_prev", "dc_prev", "c_prev"),
    ],
)
async def test_b_turns_to_the_same_gate_on_the_other_way(stage: str, back: str, forth: str) -> None:
    async with walking() as here:
        await here.go("forward", 3, stage)
        await here.press("b")
        assert here.at == ("backward", 3, back)
        await here.press("b")
        assert here.at == ("forward", 3, forth)


@pytest.mark.slow
async def test_b_works_at_every_stage_of_every_cell() -> None:
    async with walking() as here:
        for subject in SUBJECTS:
            here.screen._walk(subject)
            await here.walks(subject)
            for number in range(len(here.place.walk.moments)):
                here.screen.action_go(number)
                phase, t, _ = here.at
                (here.screen.action_turn if phase == "forward" else here.screen.action_turn_back)()
                assert here.at[:2] == ("backward" if phase == "forward" else "forward", t or 1)


async def test_up_and_down_choose_a_unit() -> None:
    async with walking() as here:
        await here.go("forward", 2, "c")
        for key, unit in (("down", 1), ("down", 2), ("down", 0), ("up", 2)):
            await here.press(key)
            assert here.place.unit == unit
            check_detail(here, here.moment, unit)
            assert f"unit {unit}" in here.panel(StageList)[0]
            assert here.row(StageDetail, "▸").startswith(f"▸ unit {unit}")


async def test_the_mouse_reaches_stages_units_and_characters() -> None:
    async with walking(LARGE) as here:
        await here.click(TextRibbon, "l→l")
        assert here.at == ("forward", 3, "x")
        await here.click(StageList, "forget gate")
        assert here.at == ("forward", 3, "f")
        await here.click(StageDetail, "unit 2")
        assert here.place.unit == 2
        await here.click(CellDiagram, "g₃")
        assert here.at == ("forward", 3, "g")
        await here.click(StageDetail, "e→l")
        assert here.at == ("forward", 2, "g")


# What is walked through.


async def test_c_switches_the_cell_and_keeps_the_place() -> None:
    async with walking() as here:
        await here.go("backward", 2, "dh")
        await here.press("down", "c")
        await here.walks(Subject(cell="gru"))
        assert here.at == ("backward", 2, "dh") and here.place.unit == 1
        check_detail(here, here.moment, 1)
        await here.go("forward", 2, "z")
        await here.press("a")
        await here.walks(Subject(cell="gru", reset_after=True))
        assert here.at == ("forward", 2, "z") and "GRU (reset after)" in drawn(here.app)
        await here.press("c")
        await here.walks(Subject(cell="rnn", reset_after=True))
        assert here.at == ("forward", 2, "x")
        for name in (*list(CELLS)[3:], "lstm"):
            await here.press("c")
            await here.walks(Subject(cell=name, reset_after=True))


async def test_w_switches_between_untrained_and_trained_weights() -> None:
    async with walking() as here:
        await here.go("backward", 4, "dy")
        untrained = words(here.panel(TextRibbon))
        await here.press("w")
        await here.walks(Subject(trained=True))
        shares = [float(share.rstrip("%")) for share in here.panel(TextRibbon)[1].split() if share.endswith("%")]
        assert len(shares) == 4 and min(shares) >= 90
        await here.press("w")
        await here.walks(Subject())
        assert words(here.panel(TextRibbon)) == untrained


async def test_plus_and_minus_change_the_number_of_units() -> None:
    async with walking() as here:
        await here.press("up", "+")
        await here.walks(Subject(hidden_size=4))
        assert here.place.unit == 2
        for size in range(5, MAX_UNITS + 1):
            await here.press("+")
            await here.walks(Subject(hidden_size=size))
        await here.press("+", "up", "up", "up")
        assert here.screen.subject.hidden_size == MAX_UNITS and here.place.unit == 15
        await here.go("forward", 4, "a_f")
        assert here.row(StageDetail, "▸").startswith("▸ unit 15")
        for size in range(MAX_UNITS - 1, 0, -1):
            await here.press("-")
            await here.walks(Subject(hidden_size=size))
        await here.press("-")
        assert here.screen.subject.hidden_size == 1 and here.place.unit == 0


async def test_keys_pressed_faster_than_walks_are_made_end_with_the_last_one() -> None:
    async with walking() as here:
        await here.pilot.press("c", "w", "c", "+", "w", "c")
        third = list(CELLS)[3 % len(CELLS)]
        await here.walks(Subject(cell=third, hidden_size=4))
        assert here.place.walk.config.cell == third


async def test_another_text_can_be_typed() -> None:
    async with walking() as here:
        await here.go("forward", 3, "f")
        await here.press("t")
        await until(here.pilot, lambda: isinstance(here.app.screen, AskText))
        assert here.app.screen.query_one(Input).value == "hello"
        await here.pilot.press("ctrl+u", *"abba", "enter")
        await until(here.pilot, lambda: isinstance(here.app.screen, StepScreen))
        await here.walks(Subject(text="abba"))
        assert here.at == ("forward", 1, "x")
        assert words(here.panel(TextRibbon)).startswith("forward 1 of 3 a→b b→b b→a")
        assert here.place.walk.vocabulary.symbols == "ab"


@pytest.mark.parametrize(
    ("typed", "message"), [("", "got 0"), ("x", "at least 2 are needed"), ("a\x1bb", "'\\x1b' cannot be shown")]
)
async def test_a_bad_text_is_refused_in_one_line(typed: str, message: str) -> None:
    async with walking() as here:
        await here.press("t")
        await until(here.pilot, lambda: isinstance(here.app.screen, AskText))
        here.app.screen.query_one(Input).value = typed
        await here.pilot.press("enter")
        await until(here.pilot, lambda: message in drawn(here.app))
        assert isinstance(here.app.screen, AskText)
        await here.pilot.press("escape")
        await until(here.pilot, lambda: isinstance(here.app.screen, StepScreen))
        assert here.screen.subject == Subject()


@pytest.mark.slow
@pytest.mark.parametrize("text", ["aa", "漢字 é漢", "x" * MAX_TEXT, "The quick brown fox jumps over the lazy dog"])
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_odd_texts_keep_the_current_character_in_view(text: str, size: tuple[int, int]) -> None:
    async with walking(size) as here:
        here.screen._walk(Subject(text=text))
        await here.walks(Subject(text=text))
        steps = len(text) - 1
        for t in (1, steps // 2 + 1, steps):
            await here.go("forward", t, "p")
            line = here.panel(TextRibbon)[0]
            assert f"forward {t} of {steps}" in line
            chosen = [s for s in segments(here.app) if s.style and s.style.reverse and "→" in s.text]
            assert len(chosen) == 1
        await here.press("end")
        assert here.at == ("update", 0, "after")


# Every kind of terminal.


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_ascii_only(size: tuple[int, int]) -> None:
    async with walking(size, ascii_only=True) as here:
        assert len(here.place.walk.moments) > 100
        for number in range(0, len(here.place.walk.moments), 7):
            here.screen.action_go(number)
            await here.pilot.pause()
            assert drawn(here.app).isascii()
            check_detail(here, here.moment, 0, ascii_only=True)
        await here.go("forward", 2, "f")
        assert "f_2 = sigmoid(a_f)" in drawn(here.app) and "> f_2" in drawn(here.app)


@pytest.mark.slow
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_no_color(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with walking(size) as here:
        for phase, stage in (("forward", "c"), ("forward", "p"), ("backward", "dh_prev"), ("backward", "dW")):
            await here.go(phase, 3, stage)
            for segment in segments(here.app):
                assert segment.style is not None
                assert segment.style.color is None or segment.style.color.is_default
            assert "▸" in here.row(StageList, formulas.symbol(here.moment))


async def test_resizing_keeps_everything_in_place() -> None:
    async with walking(LARGE) as here:
        await here.go("backward", 2, "dh_prev")
        for width, height in (SMALL, (60, 16), (200, 60), (81, 33), LARGE):
            await here.pilot.resize_terminal(width, height)
            value = f"= {format_number(here.moment.value(0) or 0)}"

            def in_place(value: str = value) -> bool:
                return (
                    value in words(here.panel(StageDetail))
                    and "▸ dh₁" in words(here.panel(StageList))
                    and here.row(StageDetail, "Back to h").endswith("dh₁")
                )

            await until(here.pilot, in_place)


async def test_small_terminals_keep_the_current_stage_in_view() -> None:
    async with walking((60, 16)) as here:
        for number in range(17):
            assert formulas.symbol(here.moment) in here.row(StageList, "▸")
            assert here.place.index == number
            await here.press("right")


async def test_every_command_says_what_it_does() -> None:
    async with walking(LARGE) as here:
        listed = commands(here.screen)
        assert {"step.on", "step.cell", "step.train", "step.text", "step.backward"} <= {c.id for c in listed}
        assert all(command.what and command.name for command in listed)
        bar = drawn(here.app).split("\n")[-1]
        for name in ("on", "update", "char", "backward", "cell", "train", "text", "code", "help", "quit"):
            assert f" {name} " in bar + " "
        await here.press("?")
        await until(here.pilot, lambda: isinstance(here.app.screen, Help))
        help_text = drawn(here.app)
        assert "Step" in help_text


async def test_training_and_walking_leave_each_other_alone() -> None:
    app = LabApp(Session(RunConfig.from_options({"hidden_size": 4}), Opening("hello")))
    async with app.run_test(size=SMALL) as pilot:
        await until(pilot, lambda: app.session.trainer is not None and app.session.trainer.snapshot().step > 0)
        trainer, here = app.session.trainer, Walker(app, pilot)
        assert trainer is not None
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, StepScreen) and app.screen.place is not None)
        step = trainer.snapshot().step
        await pilot.press("w", "right", "right")
        await here.walks(Subject(trained=True))
        await until(pilot, lambda: trainer.snapshot().step > step)
        trainer.pause()
        await pilot.press("1")
        await until(pilot, lambda: "1 Train" in drawn(app) and not isinstance(app.screen, StepScreen))
        await pilot.press("2")
        await until(pilot, lambda: isinstance(app.screen, StepScreen))
        assert here.at == ("forward", 1, "c_prev")
        trainer.stop(wait=True)


def test_a_subject_is_described_with_its_engine() -> None:
    walk: Walk = Subject(cell="gru", hidden_size=1).walk().walk
    assert Subject(cell="gru", hidden_size=1).describe(walk).startswith("GRU · 1 unit · untrained · ")
