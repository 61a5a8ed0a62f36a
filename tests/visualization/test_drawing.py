"""Curves, heatmaps and ticks as characters."""

from __future__ import annotations

import math
import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_ext.visualization.drawing import (
    DIVERGING,
    DIVERGING_ON_WHITE,
    DIVERGING_RAMPS,
    RAMPS,
    SEQUENTIAL,
    Glyphs,
    draw_balance,
    draw_bar,
    draw_chart,
    draw_curves,
    nice_ticks,
    quantize,
    shade,
    tick_labels,
    value_range,
    visible_character,
)

pytestmark = pytest.mark.filterwarnings("error")
UNIT = (0.0, 1.0)


def curve(*points: tuple[float, float]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


@pytest.mark.parametrize(
    ("glyphs", "rows"), [("braille", [" ⡜", "⡜ "]), ("block", [" ▞", "▞ "]), ("ascii", [" *", "* "])]
)
def test_a_diagonal(glyphs: Glyphs, rows: list[str]) -> None:
    drawing = draw_curves([curve((0, 0), (1, 1))], 2, 2, UNIT, UNIT, glyphs=glyphs)
    assert drawing.rows == rows
    np.testing.assert_array_equal(drawing.series, [[-1, 0], [0, -1]])


def test_every_dot_of_a_cell_has_its_place() -> None:
    xs, ys = np.array([0, 1]), np.array([3, 2, 1, 0])
    bits = [["⠁", "⠈"], ["⠂", "⠐"], ["⠄", "⠠"], ["⡀", "⢀"]]
    for row, y in enumerate(ys):
        for column, x in enumerate(xs):
            assert draw_curves([([x], [y])], 1, 1, (0, 1), (0, 3)).rows == [bits[row][column]]
    quadrants = {(0, 1): "▘", (1, 1): "▝", (0, 0): "▖", (1, 0): "▗"}
    for (x, y), glyph in quadrants.items():
        assert draw_curves([([x], [y])], 1, 1, UNIT, UNIT, glyphs="block").rows == [glyph]


def test_horizontal_and_vertical_lines() -> None:
    assert draw_curves([curve((0, 1), (1, 1))], 3, 1, UNIT, UNIT).rows == ["⠉⠉⠉"]
    assert draw_curves([curve((0, 0), (1, 0))], 3, 2, UNIT, UNIT).rows == ["   ", "⣀⣀⣀"]
    assert draw_curves([curve((1, 0), (1, 1))], 2, 2, UNIT, UNIT).rows == [" ⢸", " ⢸"]


def test_gaps_are_left_where_values_are_not_finite() -> None:
    for hole in (np.nan, np.inf, -np.inf):
        drawing = draw_curves([([0, 1, 2, 3, 4], [1, 1, hole, 1, hole])], 5, 1, (0, 4), UNIT, glyphs="ascii")
        assert drawing.rows == ["** * "]
    assert draw_curves([([0, 1], [np.nan, np.nan]), ([], [])], 3, 1, UNIT, UNIT).rows == ["   "]


def test_what_lies_outside_is_cut_off_where_it_leaves() -> None:
    steep = curve((0, -1), (1, 2))  # inside only in the middle of the width
    assert draw_curves([steep], 9, 3, UNIT, UNIT, glyphs="ascii").rows == ["     **  ", "    *    ", "  **     "]
    far = curve((-1e300, 0.5), (1e300, 0.5))
    assert draw_curves([far], 4, 1, UNIT, UNIT, glyphs="ascii").rows == ["****"]
    assert draw_curves([curve((0, 5), (1, 5))], 4, 2, UNIT, UNIT).rows == ["    ", "    "]
    assert draw_curves([curve((2, 0), (3, 1))], 4, 2, UNIT, UNIT).rows == ["    ", "    "]


def test_the_later_curve_has_the_cell_where_two_meet() -> None:
    level, falling = curve((0, 0), (1, 0)), curve((0, 1), (1, 0))
    drawing = draw_curves([level, falling], 3, 3, UNIT, UNIT, glyphs="ascii")
    assert drawing.rows == ["o  ", " o ", "**o"]
    assert list(drawing.runs(2)) == [("**", 0), ("o", 1)]
    assert list(drawing.runs(0)) == [("o", 1), ("  ", -1)]
    both = draw_curves([level, falling], 1, 1, UNIT, UNIT)
    assert both.rows == ["⣣"] and both.series.tolist() == [[1]]  # with the dots of both


def test_messages() -> None:
    with pytest.raises(ValueError, match=r"^width, height: got 0 and 3, expected at least 1 each$"):
        draw_curves([], 0, 3, UNIT, UNIT)
    with pytest.raises(
        ValueError, match=r"^y_range: got \(1, 1\), expected two finite numbers, the first one smaller$"
    ):
        draw_curves([], 3, 3, UNIT, (1, 1))
    with pytest.raises(ValueError, match=r"^x_range: got \(0, inf\), "):
        draw_curves([], 3, 3, (0, math.inf), UNIT)
    with pytest.raises(ValueError, match=r"^low, high, levels: got 1, 1, 16, "):
        quantize(np.zeros(3), 1, 1)


def test_a_chart_has_axes_with_numbers() -> None:
    chart = draw_chart([curve((0, 0), (100, 2))], 24, 8, glyphs="ascii")
    assert chart.rows == [
        "2|                   ***",
        " |               ****   ",
        "1|           ****       ",
        " |       ****           ",
        " |   ****               ",
        "0|***                   ",
        " ++--------------------+",
        "  0                  100",
    ]
    assert (chart.series[6:] == -1).all() and (chart.series[:, :2] == -1).all()


def test_axes_stand_where_the_curve_does() -> None:
    for glyphs in ("braille", "block", "ascii"):
        for width in range(16, 60, 7):
            chart = draw_chart([curve((0, 2), (7, 2))], width, 9, x_range=(0, 10), y_range=(0, 4), glyphs=glyphs)
            (row,) = (n for n in range(7) if (chart.series[n] == 0).any())
            assert chart.rows[row].startswith("2")
            last = int(np.flatnonzero(chart.series[row] == 0)[-1])
            assert abs(last - (2 + 0.7 * (width - 3))) <= 1


def test_a_logarithmic_chart_has_whole_decades() -> None:
    xs = np.arange(30.0)
    chart = draw_chart([(xs, 0.5 * 0.5**xs), (xs, np.zeros(30)), (xs, -xs)], 40, 12, log_y=True, whole_x=True)
    assert [row.split("┤")[0].strip() for row in chart.rows if "┤" in row] == ["1e0", "1e-5", "1e-10"]
    assert chart.series.max() == 0  # zeros and negative numbers have no place there
    starts = [int(np.flatnonzero(row == 0)[0]) for row in chart.series if (row == 0).any()]
    assert len(starts) == 9 and max(abs(np.diff(starts, n=2))) <= 2  # straight: one decade like another
    fixed = draw_chart([(xs, 0.5**xs)], 40, 12, log_y=True, y_range=(1e-2, 1e2))
    assert [row.split("┤")[0].strip() for row in fixed.rows if "┤" in row] == ["1e2", "1e0", "1e-2"]


def test_a_place_too_small_for_axes_gets_the_curve_alone() -> None:
    assert draw_chart([curve((0, 0), (1, 0))], 3, 1).rows == ["⠤⠤⠤"]
    for size in ((15, 20), (80, 4), (1, 1)):
        chart = draw_chart([curve((0, 0), (1, 1))], *size)
        assert len(chart.rows) == size[1] and not any(character in "│┤└" for character in "".join(chart.rows))


@given(
    width=st.integers(1, 70),
    height=st.integers(1, 20),
    ys=st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), max_size=30),
    glyphs=st.sampled_from(["braille", "block", "ascii"]),
    log_y=st.booleans(),
)
def test_charts_fill_their_place_exactly(width: int, height: int, ys: list[float], glyphs: Glyphs, log_y: bool) -> None:
    chart = draw_chart([(np.arange(len(ys)), np.array(ys))], width, height, glyphs=glyphs, log_y=log_y)
    assert [len(row) for row in chart.rows] == [width] * height
    assert chart.series.shape == (height, width)
    finite = [y for y in ys if math.isfinite(y) and (y > 0 or not log_y)]
    assert (chart.series == 0).any() == bool(finite)
    for row in range(height):
        assert "".join(text for text, _ in chart.runs(row)) == chart.rows[row]


@pytest.mark.parametrize(
    ("low", "high", "most", "labels"),
    [
        (0, 1, 6, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 1, 5, ["0.0", "0.5", "1.0"]),
        (1.3, 4.4, 5, ["2", "3", "4"]),
        (-5, 3, 6, ["-4", "-2", "0", "2"]),
        (0.1, 0.3, 5, ["0.10", "0.15", "0.20", "0.25", "0.30"]),
        (0, 20000, 5, ["0", "5k", "10k", "15k", "20k"]),
        (0, 3e6, 4, ["0", "1M", "2M", "3M"]),
        (0, 5e7, 6, ["0", "10M", "20M", "30M", "40M", "50M"]),
        (0, 1e-6, 3, ["0", "5e-07", "1e-06"]),
        (1, 1.0000001, 3, ["1", "1.00000005", "1.0000001"]),
        (9999999, 10000000, 3, ["9999999.0", "9999999.5", "10000000.0"]),
        (1.8125, 1.9375, 2, ["1.85", "1.90"]),
        (2, 2, 5, ["2"]),
    ],
)
def test_ticks(low: float, high: float, most: int, labels: list[str]) -> None:
    assert tick_labels(nice_ticks(low, high, most)) == labels


@given(
    low=st.floats(-1e9, 1e9),
    span=st.floats(1e-6, 1e12),
    most=st.integers(2, 20),
    whole=st.booleans(),
)
def test_ticks_are_few_even_and_inside(low: float, span: float, most: int, whole: bool) -> None:
    span = max(span, 1e-9 * abs(low))
    ticks = nice_ticks(low, low + span, most, whole=whole)
    assert len(ticks) <= most
    assert len(ticks) >= (1 if whole and span >= 1 else 0 if whole else max(1, most // 3))
    assert all(low - 1e-5 * span <= tick <= low + span + 1e-5 * span for tick in ticks)
    steps = np.diff(ticks)
    assert steps.size == 0 or np.ptp(steps) <= 1e-3 * steps[0]
    assert not whole or all(tick == round(tick) for tick in ticks)
    assert len(set(tick_labels(ticks))) == len(ticks)


def test_value_range() -> None:
    assert value_range(np.array([3.0, np.nan, -1.0]), np.array([np.inf, 7.0])) == (-1.0, 7.0)
    assert value_range() == value_range(np.array([np.nan])) == (0.0, 1.0)
    assert value_range(np.array([5.0, 5.0])) == (4.5, 5.5)
    assert value_range(np.zeros(2)) == (-0.5, 0.5)


def test_quantize() -> None:
    values = np.array([[-1, 0, 0.1, 0.26, 0.74], [0.99, 1, 2, np.inf, -np.inf]])
    assert quantize(values, 0, 1, 4).tolist() == [[0, 0, 0, 1, 2], [3, 3, 3, 3, 0]]
    assert quantize(np.array([np.nan, 0.5]), 0, 1, 4).tolist() == [-1, 2]
    assert quantize(np.array([-1e308, 1e308]), -1, 1).tolist() == [0, 15]
    assert quantize(np.zeros(1, dtype=np.float32), 0, 1).dtype == np.int8


def test_shade() -> None:
    levels = quantize(np.array([[0.0, 0.5, 1.0], [np.nan, 0.2, 0.9]]), 0, 1, 5)
    assert shade(levels, RAMPS["unicode"]) == [" ▒█", "?░█"]
    assert shade(levels, " .o*@", columns=2) == ["  oo@@", "??..@@"]
    for ramps in (RAMPS, DIVERGING_RAMPS):
        for ramp in ramps.values():
            assert len(set(ramp)) == len(ramp)
            assert all(unicodedata.east_asian_width(glyph) not in "WF" for glyph in ramp)
    for ramp in DIVERGING_RAMPS.values():
        assert len(ramp) == 9 and ramp[4] == " "


def lightness(colour: tuple[int, int, int]) -> float:
    """CIE L*, 0 … 100."""
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in colour)]
    luminance = sum(share * value for share, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return float(116 * luminance ** (1 / 3) - 16)


def test_palettes_read_without_colour_vision() -> None:
    assert [len(palette) for palette in (SEQUENTIAL, DIVERGING, DIVERGING_ON_WHITE)] == [16] * 3
    assert (np.diff([lightness(colour) for colour in SEQUENTIAL]) > 2).all()
    for palette, sign in ((DIVERGING, -1), (DIVERGING_ON_WHITE, 1)):
        steps = np.diff([lightness(colour) for colour in palette])
        assert (sign * steps[:7] > 2).all() and (sign * steps[8:] < -2).all()
        assert all(blue > red for red, _, blue in palette[:8]) and all(red > blue for red, _, blue in palette[8:])


@pytest.mark.parametrize(
    ("character", "shown", "in_ascii"),
    [
        ("a", "a", "a"),
        (" ", "␣", "_"),
        ("\n", "↵", "/"),
        ("\t", "⇥", ">"),
        ("é", "é", "?"),
        ("\x1b", "�", "?"),
        ("\u0301", "�", "?"),  # a combining accent
        ("\u200b", "�", "?"),  # a space of no width
        ("日", "�", "?"),  # two columns wide
        ("", "�", "?"),
    ],
)
def test_visible_characters(character: str, shown: str, in_ascii: str) -> None:
    assert visible_character(character) == shown
    assert visible_character(character, ascii_only=True) == in_ascii
    assert visible_character(character, 3, ascii_only=True) == in_ascii + "  "


def test_wide_characters_where_there_is_room() -> None:
    assert visible_character("日", 2) == "日"
    assert visible_character("日", 3) == "日 "


def test_bars_are_as_long_as_their_number_and_never_longer() -> None:
    shares = (0, 1 / 32, 0.125, 0.5, 0.7, 1, 2, -1, math.nan, math.inf)
    assert [draw_bar(share, 4) for share in shares] == ["", "▏", "▌", "██", "██▊", "████", "████", "", "", ""]
    assert [draw_bar(share, 4, "line") for share in shares[:6]] == ["", "", "╸", "━━", "━━━", "━━━━"]
    assert [draw_bar(share, 8, "ascii") for share in shares[3:6]] == ["####", "######", "########"]


def test_bars_of_both_signs_stand_on_an_axis() -> None:
    assert draw_balance(0.5, 9) == ("    ", "│", "━━  ")
    assert draw_balance(-0.375, 9) == ("  ╺━", "│", "    ")
    assert draw_balance(-1, 9, ascii_only=True) == ("####", "|", "    ")
    for width in range(3, 12):
        assert sum(map(len, draw_balance(-0.3, width))) == width
