"""The lab's drawings: where known values come to stand, in which colours, and what is sent again."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from screen import drawn, strips
from textual.app import ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from lstm_ext.data import load_text
from lstm_ext.engine.config import ModelConfig
from lstm_ext.explain.reading import Reading
from lstm_ext.nn.language_model import LanguageModel
from lstm_ext.train.diagnosis import Diagnosis
from lstm_ext.train.history import History, HistoryView
from lstm_ext.train.trainer import Trainer
from lstm_ext.visualization.drawing import DIVERGING, SEQUENTIAL
from lstm_lab.app.theme import ThemedApp
from lstm_lab.app.widgets.bars import TitleBar
from lstm_lab.app.widgets.canvas import Canvas, heading, row
from lstm_lab.app.widgets.gate_heatmap import GateHeatmap
from lstm_lab.app.widgets.loss_curve import LossCurve, loss_range
from lstm_lab.app.widgets.page import Page, Tab
from lstm_lab.app.widgets.plot import column_of, horizontal_end, row_of, vertical_axis
from lstm_lab.app.widgets.sample_stream import SampleStream, wrap
from lstm_lab.app.widgets.status_panel import StatusPanel
from lstm_lab.text.ascii import AsciiFilter, to_ascii


class Bench(ThemedApp):
    """One widget on a screen of its own."""

    def __init__(self, widget: Widget, *, colors: str = "truecolor", ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self.console._color_system = {"truecolor": 3, "16": 1}[colors]  # type: ignore[assignment]
        self._widget = widget

    def compose(self) -> ComposeResult:
        yield self._widget


def history(losses: list[float], validation: dict[int, float] | None = None) -> HistoryView:
    kept = History()
    kept.add(1, losses)
    for step, loss in (validation or {}).items():
        kept.add_validation(step, loss)
    return kept.view()


# The loss curve's axes.


@pytest.mark.parametrize(
    "low, high", [(1.32, 4.57), (0.0, 0.004), (2.0, 2.0), (1.0, 358.9), (3.0001, 3.0002), (0.9, 1e30)]
)
@pytest.mark.parametrize("height", [3, 8, 13, 30])
@pytest.mark.parametrize("dots", [1, 4])
def test_vertical_axis_holds_the_losses_and_labels_whole_rows(low: float, high: float, height: int, dots: int) -> None:
    (bottom, top), ticks = vertical_axis(low, high, height, dots=dots)
    assert bottom <= low + 1e-12 and high <= top + 1e-12
    distances = {below - above for below, above in pairwise(ticks)}
    assert len(distances) <= 1 and all(distance >= 2 for distance in distances)
    assert len(ticks) >= 2 or height < 8
    for y, value in ticks.items():
        assert row_of(value, (bottom, top), height, dots=dots) == y


def test_vertical_axis_uses_round_numbers() -> None:
    assert vertical_axis(1.32, 3.4, 8) == ((1.0, pytest.approx(1 + 31 / 12)), {7: 1.0, 4: 2.0, 1: 3.0})


def test_horizontal_axis_grows_in_strides() -> None:
    assert [horizontal_end(step) for step in (1, 100, 101, 1200, 1201, 8001)] == [100, 100, 120, 1200, 1500, 10000]


def test_first_steps_do_not_flatten_the_rest() -> None:
    low, high = loss_range(history([60.0] * 5 + [2.0] * 600 + [1.5] * 395))
    assert high == pytest.approx(2.0, abs=0.2)
    assert low == pytest.approx(1.5)


@pytest.mark.parametrize("ascii_only, arrow", [(False, "↑"), (True, "^")])
async def test_the_cut_first_steps_are_marked(ascii_only: bool, arrow: str) -> None:
    curve = LossCurve()
    app = Bench(curve, ascii_only=ascii_only)
    async with app.run_test(size=(60, 14)) as pilot:
        curve.show(history([60.0] * 5 + [2.0] * 600 + [1.5] * 395), 1.5)
        await pilot.pause()
        lines = drawn(app).split("\n")
        assert " 60.000 " in "".join(lines[1:4])
        assert lines[1].count(arrow) == 1 and not any(arrow in line for line in lines[2:])
        curve.show(history([2.0] * 600 + [1.5] * 395), 1.5)
        await pilot.pause()
        assert arrow not in drawn(app)


@pytest.mark.parametrize("ascii_only, dots", [(False, "┊"), (True, ":")])
async def test_changes_of_the_learning_rate_are_marked(ascii_only: bool, dots: str) -> None:
    kept = History()
    kept.add(1, np.linspace(4.0, 1.0, 100))
    for step, lr in ((1, 4e-3), (50, 1e-3), (53, 5e-4)):
        kept.add_lr(step, lr)
    curve = LossCurve()
    app = Bench(curve, ascii_only=ascii_only)
    async with app.run_test(size=(60, 14)) as pilot:
        curve.show(kept.view(), 1.0)
        await pilot.pause()
        lines = drawn(app).split("\n")[1:-2]
        margin = max(line.find("|" if ascii_only else "│") for line in lines) + 1
        columns = {x - margin for line in lines for x in range(margin, 60) if line[x] == dots}
        assert columns == {column_of(step, (0, 100), 60 - margin) for step in (50, 53)}
        assert " lr 0.0005 " in drawn(app)  # the last of two that are close
        assert "lr 0.001" not in drawn(app) and "lr 0.004" not in drawn(app)
        kept = History()
        kept.add(1, np.linspace(4.0, 1.0, 100))
        kept.add_lr(1, 4e-3)
        curve.show(kept.view(), 1.0)
        await pilot.pause()
        assert dots not in "".join(drawn(app).split("\n")[1:]) and " lr " not in drawn(app)


async def test_known_losses_stand_in_their_rows() -> None:
    """A curve at 3 for the first half of 100 steps, then at 1, without smoothing's lag."""
    steps = np.arange(1.0, 101.0)
    losses = np.where(steps <= 50, 3.0, 1.0)
    none = np.array([])
    unknown = np.full(100, np.nan)
    view = HistoryView(steps, *[losses] * 4, *[unknown] * 5, none, none, none, none)
    curve = LossCurve()
    app = Bench(curve)
    async with app.run_test(size=(60, 14)) as pilot:
        curve.show(view, 1.0)
        await pilot.pause()
        lines = drawn(app).split("\n")
        labels = {float(line.split("┤")[0]): y for y, line in enumerate(lines) if "┤" in line}
        margin = lines[labels[3.0]].index("┤") + 1
        upper, lower = lines[labels[3.0]][margin:], lines[labels[1.0]][margin:]
        width = 60 - margin
        middle = column_of(50, (0, 100), width)
        assert set(upper[1:middle]) == {"⣀"} and not upper[middle + 1 :].strip()
        assert set(lower[middle + 2 : width - 1]) == {"⣀"} and not lower[:middle].strip()


async def test_curve_names_its_values_and_its_baselines() -> None:
    curve = LossCurve()
    app = Bench(curve)
    async with app.run_test(size=(90, 16)) as pilot:
        curve.show(history([3.0] * 40 + [2.0] * 40, {60: 2.25}), 2.125)
        curve.show_baselines({"bigram": 2.5, "5-gram": 0.25})
        await pilot.pause()
        text = drawn(app)
        assert "training 2.125" in text and "validation 2.250" in text
        assert "bigram 2.50" in text
        assert "5-gram" not in text  # far below what is shown
        assert text.count("◆") == 2  # in the legend, and at the last validation


@pytest.mark.parametrize("size", [(20, 4), (30, 2), (12, 5), (200, 60)])
async def test_curve_fits_any_size(size: tuple[int, int]) -> None:
    curve = LossCurve()
    app = Bench(curve)
    async with app.run_test(size=size) as pilot:
        curve.show(history([3.0, 2.0, 2.5], {2: 2.2}), 2.5)
        await pilot.pause()
        assert all(strip.cell_length == size[0] for strip in curve.draw(*size))


async def test_curve_survives_a_diverging_loss() -> None:
    curve = LossCurve()
    app = Bench(curve)
    async with app.run_test(size=(60, 14)) as pilot:
        curve.show(history([3.0, 1e30]), 1e30)
        await pilot.pause()
        assert "Loss" in drawn(app) and "1e+30" in drawn(app)


# The status panel.


@pytest.mark.parametrize("size", [(26, 11), (23, 9), (32, 16), (26, 3)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_status_makes_room_for_a_diagnosis(size: tuple[int, int], ascii_only: bool) -> None:
    status = StatusPanel()
    app = Bench(status, ascii_only=ascii_only)
    model = LanguageModel(ModelConfig(45, 4, 45), backend="numpy")
    running = replace(Trainer(model, load_text("hamlet")).snapshot(), status="running")
    found = Diagnosis("exploding", "the loss rose from 0.005 to 412", "lower the learning rate to 1")
    async with app.run_test(size=size) as pilot:
        status.show(running, "NumPy", found)
        await pilot.pause()
        assert all(strip.cell_length == size[0] for strip in status.draw(*size)) and len(status.draw(*size)) <= size[1]
        shown = " ".join(drawn(app).split())
        assert "! exploding" in shown and "learning " not in shown.split("step")[0] and "step" in shown
        if size[1] > 8:
            assert found.message.replace(" ", "") in shown.replace(" ", "")
        if size[1] > 10:
            assert ("> " if ascii_only else "→ ") + "lower the" in shown
        status.show(running, "NumPy")
        await pilot.pause()
        assert "learning" in drawn(app) and "rose" not in drawn(app)


# The heatmap.


def reading(values: dict[str, np.ndarray], text: str) -> Reading:
    return Reading(text, [values], "lstm", np.zeros(len(text)))


def lstm_reading(text: str, **given: np.ndarray) -> Reading:
    units = next(iter(given.values())).shape[1]
    values = {name: np.zeros((len(text), units)) for name in "ifgoch"}
    return reading({**values, **given}, text)


async def heatmap(app: Bench, gates: GateHeatmap, pilot: Any, given: Reading, key: str) -> None:
    gates.clear("lstm", 1)
    gates.show(key)
    gates.append(given, 0, len(given.text))
    await pilot.pause()


def cell(app: Bench, x: int, y: int) -> tuple[str, Style]:
    """Glyph and style of one cell of the screen."""
    for segment in strips(app)[y]:
        if x < len(segment.text):
            return segment.text[x], segment.style or Style.null()
        x -= len(segment.text)
    raise IndexError


@pytest.mark.parametrize(
    "key, name, value, color",
    [
        ("f", "f", 0.0, SEQUENTIAL[0]),
        ("f", "f", 1.0, SEQUENTIAL[15]),
        ("i", "i", 0.51, SEQUENTIAL[8]),
        ("g", "g", -1.0, DIVERGING[0]),
        ("h", "h", 0.01, DIVERGING[8]),
        ("h", "h", -0.01, DIVERGING[7]),
        ("c", "c", 1.0, DIVERGING[15]),
    ],
)
async def test_known_values_have_their_colours(key: str, name: str, value: float, color: tuple[int, int, int]) -> None:
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(40, 10)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("ab", **{name: np.full((2, 3), value)}), key)
        _, style = cell(app, gates._margin(), 1)
        assert style.bgcolor is not None and tuple(style.bgcolor.triplet or ()) == color


async def test_two_units_share_a_cell_where_they_are_many() -> None:
    """Unit 0 open in front, unit 1 closed behind."""
    values = np.tile([1.0, 0.0], (4, 20))
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(40, 10)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("abcd", o=values), "o")
        glyph, style = cell(app, gates._margin(), 1)
        assert glyph == "▀" and style.color is not None and style.bgcolor is not None
        assert tuple(style.color.triplet or ()) == SEQUENTIAL[15]
        assert tuple(style.bgcolor.triplet or ()) == SEQUENTIAL[0]


@pytest.mark.parametrize("ascii_only, glyphs", [(False, "●· █"), (True, "@. #")])
async def test_without_colours_the_sign_is_a_glyph(ascii_only: bool, glyphs: str) -> None:
    values = np.array([[-1.0], [-0.2], [0.0], [1.0]])
    gates = GateHeatmap()
    app = Bench(gates, colors="16", ascii_only=ascii_only)
    async with app.run_test(size=(40, 10)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("abcd", h=values), "h")
        line = drawn(app).split("\n")[1]
        assert line[gates._margin() :][:4] == glyphs


async def test_characters_stand_below_their_columns_and_wrap_around() -> None:
    text = "".join(chr(ord("a") + n % 26) for n in range(50))
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(32, 8)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading(text, f=np.zeros((50, 2))), "f")
        width = gates._body_width()
        line = drawn(app).split("\n")[-2][gates._margin() :]
        newest = 49 % width
        assert line[newest] == text[49]
        assert line[newest + 1] == " "  # the gap, where the oldest one was
        assert line[newest + 2] == text[49 + 2 - width]


async def test_legend_gives_mean_and_saturation() -> None:
    values = np.array([[0.05, 0.95], [0.5, 0.5]])
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(70, 8)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("ab", f=values), "f")
        legend = drawn(app).split("\n")[-1]
        assert "mean 0.50" in legend and "closed 25%" in legend and "open 25%" in legend


async def test_pointing_at_a_cell_reads_its_value() -> None:
    values = np.array([[0.125, 0.25], [0.5, 0.75]])
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(70, 8)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("xy", f=values), "f")
        await pilot.hover(offset=(gates._margin() + 1, 1))
        await pilot.pause()
        assert "unit 0 at y  forget 0.500" in drawn(app)
        gates.focus()
        await pilot.press("down", "left")
        assert "unit 1 at x  forget 0.250" in drawn(app)


async def test_arrow_keys_bring_further_units_into_view() -> None:
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(40, 8)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("ab", f=np.zeros((2, 64))), "f")
        gates.focus()
        await pilot.press(*["down"] * 12)
        assert 12 in gates._visible_units()
        await pilot.press("pagedown", "pagedown", "pagedown", "pagedown", "pagedown", "pagedown", "pagedown")
        assert gates._visible_units()[-1] == 63
        await pilot.press(*["up"] * 70)
        assert gates._visible_units()[0] == 0


async def test_a_text_read_again_takes_the_old_ones_place() -> None:
    old = lstm_reading("ab", f=np.zeros((2, 2)))
    new = lstm_reading("ab", f=np.ones((2, 2)))
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(60, 8)) as pilot:
        await heatmap(app, gates, pilot, old, "f")
        assert "mean 0.00" in drawn(app)
        gates.replace(old, new)
        await pilot.pause()
        assert "mean 1.00" in drawn(app)


async def test_a_boundary_stands_between_two_samples() -> None:
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(60, 8)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("ab", f=np.ones((2, 2))), "f")
        gates.append(lstm_reading("cde", f=np.zeros((3, 2))), 0, 2)
        gates.append(lstm_reading("cde", f=np.zeros((3, 2))), 2, 3)
        await pilot.pause()
        margin = gates._margin()
        assert drawn(app).split("\n")[-2][margin:].rstrip() == "ab│cde"
        assert cell(app, margin + 2, 1)[1].bgcolor != cell(app, margin + 3, 1)[1].bgcolor
        assert "mean 0.40" in drawn(app)  # the boundary is no value
        gates.focus()
        await pilot.press("left", "left", "left")
        assert "unit" not in drawn(app).split("\n")[-1]  # the cursor is on it


async def test_cell_state_is_scaled_to_what_it_reaches() -> None:
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(60, 8)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("ab", c=np.array([[6.0, -2.0], [6.0, 0.5]])), "c")
        legend = drawn(app).split("\n")[-1]
        assert legend.strip().startswith("-7") and "beyond ±1 75%" in legend


# Samples.


@pytest.mark.parametrize(
    "text, lines",
    [
        ("the cat sat", ["the cat", "sat"]),
        ("abcdefghijkl", ["abcdefgh", "ijkl"]),
        ("a\n\n b", ["a", "", " b"]),
        ("漢字漢字漢", ["漢字漢字", "漢"]),
        ("", [""]),
        ("12345678 9", ["12345678", "9"]),
    ],
)
def test_wrapping(text: str, lines: list[str]) -> None:
    assert [text[start:end] for start, end in wrap(text, 8)] == lines


async def test_control_characters_never_reach_the_terminal() -> None:
    stream = SampleStream()
    app = Bench(stream)
    async with app.run_test(size=(40, 8)):
        stream.begin("step 1")
        stream.type("a\tb\x1b[31mc\r\nd\x07\u202e")
        assert [line.rstrip() for line in drawn(app).split("\n")[2:4]] == ["a    b\ufffd[31mc", "d\ufffd\ufffd"]


async def test_older_samples_stay_and_can_be_scrolled_to() -> None:
    stream = SampleStream()
    app = Bench(stream)
    async with app.run_test(size=(40, 8)) as pilot:
        for number in range(6):
            stream.begin(f"step {number}")
            stream.type(f"text {number}\nmore\n")
        await pilot.pause()
        assert "step 5" in drawn(app) and "step 0" not in drawn(app)
        stream.focus()
        await pilot.press("home")
        before = drawn(app).split("\n")[1:]
        assert before[0].startswith("step 0") and "below" in drawn(app)
        stream.type("written while scrolled away\n")
        await pilot.pause()
        assert drawn(app).split("\n")[1:] == before
        await pilot.press("end")
        assert "written while" in drawn(app)


# What all drawings share.


def test_a_row_is_exactly_as_wide_as_asked() -> None:
    style = Style(bold=True)
    assert row(10, [("left", style)], [("right", style)]).text == "left right"
    assert row(8, [("left", style)], [("right", style)]).text == "left    "
    assert row(3, [("left", style)]).text == "lef"


class Numbers(Canvas):
    def __init__(self) -> None:
        super().__init__()
        self.lines = ["aaaa bbbb", "cccc dddd"]
        self.sent: list[Region] = []

    def draw(self, width: int, height: int) -> list[Strip]:
        style = Style(bold=True)
        return [Strip([Segment(f"{word:5}", style) for word in line.split()]) for line in self.lines]

    def refresh(self, *regions: Region, **options: Any) -> Any:
        if hasattr(self, "sent"):
            self.sent += regions
        return super().refresh(*regions, **options)


async def test_only_what_changed_is_sent_again() -> None:
    numbers = Numbers()
    async with Bench(numbers).run_test(size=(10, 4)) as pilot:
        await pilot.pause()
        numbers.sent.clear()
        numbers.lines = ["aaaa bbbb", "cccc DDDD"]
        numbers.redraw()
        assert numbers.sent == [Region(5, 1, 5, 1)]
        numbers.sent.clear()
        numbers.redraw()
        assert numbers.sent == []


async def test_every_segment_has_a_style() -> None:
    """Textual's filter for NO_COLOR fails on a segment without."""
    curve = LossCurve()
    async with Bench(curve).run_test(size=(50, 12)) as pilot:
        curve.show(history([3.0, 2.0], {1: 2.5}), 2.0)
        await pilot.pause()
        assert all(segment.style is not None for strip in curve.draw(50, 12) for segment in strip)


async def test_a_theme_reaches_the_drawings() -> None:
    gates = GateHeatmap()
    app = Bench(gates)
    async with app.run_test(size=(40, 10)) as pilot:
        await heatmap(app, gates, pilot, lstm_reading("ab", f=np.zeros((2, 3))), "f")
        dark = cell(app, gates._margin(), 1)[1].bgcolor
        app.theme = "lab-light"
        await pilot.pause()
        assert cell(app, gates._margin(), 1)[1].bgcolor != dark


# ASCII.


def test_ascii_keeps_widths() -> None:
    glyphs = "─│┌╮█▒●○▲…−×😀漢é📁🔎⠿"
    text = to_ascii(glyphs)
    assert text.isascii()
    assert len(text) == len("─│┌╮█▒●○▲…−×") + 2 + 2 + 1 + 2 + 2 + 1


def test_ascii_filter_styles_what_has_no_style() -> None:
    from textual.color import Color

    (segment,) = AsciiFilter().apply([Segment("…")], Color(0, 0, 0))
    assert segment.text == "." and segment.style is not None


async def test_ascii_curve_is_ascii() -> None:
    curve = LossCurve()
    app = Bench(curve, ascii_only=True)
    async with app.run_test(size=(60, 14)) as pilot:
        curve.show(history([3.0] * 30 + [2.0] * 30, {40: 2.25}), 2.125)
        curve.show_baselines({"bigram": 2.5})
        await pilot.pause()
        assert all(strip.text.isascii() for strip in curve.draw(60, 14))
        assert "?" not in drawn(app)


async def test_heading_rules_fill_the_line() -> None:
    curve = LossCurve()
    app = Bench(curve)
    async with app.run_test(size=(30, 6)):
        strip = heading(app.ink, 30, "Loss", right=[("x 1", app.ink.text)])
        assert strip.text == "Loss " + "─" * 21 + " x 1"


# The title bar, and pages.


NAMES = "1 Train 2 Step 3 Learn 4 Gates 5 Flow 6 Surgery 7 Experiments 8 Handbook 9 Runs"


@pytest.mark.parametrize(
    ("width", "subject", "shown"),
    [
        (120, "short", f" lstm-lab  {NAMES} {'short':>28} "),
        (120, "s" * 28, f" lstm-lab  {NAMES} {'s' * 28} "),
        (120, "s" * 29, f" {NAMES} {'s' * 29:>38} "),
        (120, "s" * 38, f" {NAMES} {'s' * 38} "),
        (120, "s" * 39, f" lstm-lab  1 2 3 4 5 6 7 8 9 {'s' * 39:>90} "),
        (80, "", f"{' lstm-lab  1 2 3 4 5 6 7 8 9':80}"),
        (80, "s" * 60, f" 1 2 3 4 5 6 7 8 9 {'s' * 60} "),
        (80, "s" * 66, f" 1 2 3 4 5 6 7 8 9 {'s' * 59}… "),
    ],
)
async def test_the_title_bar_makes_room_for_its_subject(width: int, subject: str, shown: str) -> None:
    app = Bench(TitleBar())
    async with app.run_test(size=(width, 3)) as pilot:
        app.query_one(TitleBar).show(subject)
        await pilot.pause()
        assert drawn(app).split("\n")[0] == shown


async def test_a_page_scrolls_no_further_than_its_lines() -> None:
    app = Bench(Page())
    async with app.run_test(size=(30, 6)) as pilot:
        page = app.query_one(Page)
        page.show(lambda width: [Text(f"line {number}") for number in range(12)], tabs=[Tab("Text", "", True)])
        page.focus()
        await pilot.press("up", "down", "pagedown")
        lines = drawn(app).split("\n")
        assert lines[0].startswith("Text  ──") and lines[0].endswith(" 2 more")
        assert [line.strip() for line in lines[1:]] == [f"line {number}" for number in range(5, 10)]
        await pilot.press("end", "down", "pagedown")
        lines = drawn(app).split("\n")
        assert lines[0].endswith(" end") and lines[-1].strip() == "line 11"
        await pilot.press("home", "up")
        assert drawn(app).split("\n")[1].strip() == "line 0"
        page.show(lambda width: [Text("alone")])
        await pilot.pause()
        assert drawn(app).split("\n")[1].strip() == "alone"


async def test_long_lines_of_a_page_are_folded_under_themselves() -> None:
    app = Bench(Page())
    async with app.run_test(size=(20, 6)) as pilot:
        app.query_one(Page).show(lambda width: [Text("  W = W_hh · h + W_xh · x + b")])
        await pilot.pause()
        assert [line.rstrip() for line in drawn(app).split("\n")[1:4]] == [
            "  W = W_hh · h",
            "      + W_xh · x + b",
            "",
        ]
