"""Plots of gates, cell states and gradients: in the terminal, in a notebook, or as a picture file.

    plot_gate_activations(lstm.gates, text)                        # draws in the terminal
    plot_cell_state_evolution(lstm.C_states, text, path="c.png")   # and saves: .png, .svg or .pdf

In the terminal each heatmap has units downwards and characters across, in colour where standard
output is a terminal and NO_COLOR is not set, otherwise in shades made of characters. In a notebook
the same call displays the picture. Pictures need Matplotlib: ``pip install 'lstm-lab[plots]'``; without it, a
notebook gets the text, too. Only what it is given is plotted: nothing is simulated.

Gates and states are arrays (T, H), or lists of T arrays (H,), with ``text`` naming the T steps: a
string, or a list of one string for each step.
"""

from __future__ import annotations

import importlib
import math
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ..arguments import checked
from ..cells import CELLS
from ..cells.cell import Block
from ..errors import ArgumentError
from . import drawing
from .drawing import RGB
from .figures import check_picture, has_matplotlib, new_figure, picture_bytes, save_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure


class _Gate(NamedTuple):
    title: str
    low: float  # between these its values lie; ±∞ where nothing bounds them
    high: float
    at_low: str  # what these mean
    at_high: str

    @staticmethod
    def of(block: Block) -> _Gate:
        low, high = {"gate": (0.0, 1.0), "tanh": (-1.0, 1.0), "free": (-math.inf, math.inf)}[block.span]
        return _Gate(f"{block.title} gate" if block.span == "gate" else block.title, low, high, block.low, block.high)


def _gates() -> dict[str, _Gate]:
    """By their names, and by the letters that caches and traces use; of several the one with the widest range."""
    gates: dict[str, _Gate] = {}
    blocks = [block for cell in CELLS.values() for block in cell.gates]
    for name, block in [*((block.title, block) for block in blocks), *((block.name, block) for block in blocks)]:
        gate = _Gate.of(block)
        if name not in gates or gate.high > gates[name].high:
            gates[name] = gate
    return gates


_GATES = _gates()
#: So many units fit on a screen; of more, those that vary most are shown.
_MAX_UNITS = 24
#: Colours of two curves, to be told apart by everyone, on black and on white.
_BLUE, _ORANGE = (52, 136, 214), (222, 125, 20)

PathName = str | os.PathLike[str]


@checked
def plot_gate_activations(
    gates: Mapping[str, ArrayLike | Sequence[ArrayLike]], text: str | Sequence[str], path: PathName | None = None
) -> None:
    """One heatmap for each gate: how far each unit is open (1) or closed (0) at each character.

    ``gates`` maps names ("forget", "input", "output", "candidate", "reset", "update", or a trace's
    one-letter ones) to activations (T, H), as in ``lstm.gates``. Others, such as "c", are drawn
    about zero. Raises ValueError for shapes that do not fit ``text``, and for values that are
    none of that gate's, such as those from before its σ.
    """
    arrays = _gate_arrays(gates, text)
    maps = [_Heatmap.of(name, values) for name, values in arrays.items()]

    def lines(screen: _Screen) -> list[str]:
        return [line for heatmap in maps for line in [*_heatmap_lines(screen, heatmap, text), ""]][:-1]

    def draw(figure: Figure) -> None:
        for axes, heatmap in zip(_panels(figure, len(maps)), maps, strict=True):
            _draw_heatmap(figure, axes, heatmap, text)

    units = sum(min(heatmap.values.shape[1], 40) for heatmap in maps)
    _show(lines, _Picture(draw, _width(text), 0.7 * len(maps) + 0.11 * units + 0.3), path)


@checked
def plot_cell_state_evolution(
    states: ArrayLike | Sequence[ArrayLike], text: str | Sequence[str], path: PathName | None = None
) -> None:
    """The cell state C of each unit at each character, and how large it grows.

    ``states`` (T, H), as in ``lstm.C_states``. Blue is negative, orange positive; the curves are
    the mean and the largest |C| over the units.
    """
    heatmap = _Heatmap.of("cell state C", _steps_by_units("states", states, text))
    steps = np.arange(len(heatmap.values))
    size = abs(heatmap.values)
    curves = {"largest |C|": size.max(axis=1), "mean |C|": size.mean(axis=1)}

    def lines(screen: _Screen) -> list[str]:
        _, top = drawing.value_range(*curves.values())
        chart = screen.chart([(steps, values) for values in curves.values()], 10, y_range=(0.0, top))
        return [*_heatmap_lines(screen, heatmap, text), "", screen.legend(tuple(curves)), *chart]

    def draw(figure: Figure) -> None:
        upper, lower = _panels(figure, 2)
        _draw_heatmap(figure, upper, heatmap, text)
        lower.set_title("how large it is, over the units", loc="left", fontsize=10, fontweight="bold")
        _draw_curves(lower, [(name, steps, values) for name, values in curves.items()])
        lower.set_ylim(bottom=0)
        lower.set_xlim(-0.5, len(steps) - 0.5)
        _name_steps(lower, text)

    _show(lines, _Picture(draw, _width(text), 3.6 + 0.11 * min(heatmap.values.shape[1], 40)), path)


@checked
def plot_gradient_flow_comparison(
    lstm_grads: ArrayLike | Sequence[ArrayLike],
    rnn_grads: ArrayLike | Sequence[ArrayLike],
    path: PathName | None = None,
) -> None:
    """How much gradient is left by steps backward, in an LSTM and in an RNN; logarithmic.

    Each argument has one entry for each step: entry k belongs to k steps before the loss, so that
    the first one is where the gradient starts. An entry is a norm, or a vector (H,) whose norm is
    taken. The two need not be equally long. A norm of 0 has no place on a logarithmic axis and
    leaves a gap.
    """
    norms = {"LSTM": _norms("lstm_grads", lstm_grads), "RNN": _norms("rnn_grads", rnn_grads)}
    last = min(len(values) for values in norms.values()) - 1
    lstm, rnn = (float(values[last]) for values in norms.values())
    summary = f"{last} steps back: LSTM {lstm:.3g}, RNN {rnn:.3g}"
    if lstm > 0 and rnn > 0:
        exponent = math.log10(lstm) - math.log10(rnn)
        summary += f", {10 ** abs(exponent):.2g} times as much in the {'LSTM' if exponent >= 0 else 'RNN'}"

    def lines(screen: _Screen) -> list[str]:
        curves = [(np.arange(len(values)), values) for values in norms.values()]
        title = f"gradient norm, by steps back from the loss   {screen.legend(tuple(norms))}"
        return [title, *screen.chart(curves, 16, log_y=True), summary]

    def draw(figure: Figure) -> None:
        (axes,) = _panels(figure, 1)
        axes.set_yscale("log", nonpositive="mask")
        _draw_curves(axes, [(name, np.arange(len(values)), values) for name, values in norms.items()])
        axes.set_xlim(0, max(1, max(len(values) for values in norms.values()) - 1))
        axes.set_xlabel("steps back from the loss", fontsize=9, color="0.25")
        axes.set_title("gradient norm", loc="left", fontsize=10, fontweight="bold")
        axes.set_title(summary, loc="right", fontsize=8, color="0.35")

    _show(lines, _Picture(draw, 7.5, 4.0), path)


@checked
def analyze_gate_patterns(
    gates: Mapping[str, ArrayLike | Sequence[ArrayLike]], text: str | Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Numbers about each gate (T, H), over all T steps and H units; printed as a table, and returned.

    For each gate a dict: ``mean``; ``saturated_low`` and ``saturated_high``, the fractions of its
    values below 0.1 and above 0.9 (candidate: below −0.9); ``by_character``, the mean at each
    character of the text, the most active one first; ``most_active`` and ``least_active``, those
    characters. The forget gate also has ``half_life``, in steps, of the median unit, and
    ``longest_half_life``: ln(1/2) / ln f, where f is the unit's geometric mean over the text. That is
    how long a cell keeps half of its content by its own loop alone, without what is written and read
    meanwhile and without the way through h. Raises ArgumentError for an unknown gate.
    """
    arrays = _gate_arrays(gates, text)
    for name in arrays:
        if name not in _GATES:
            raise ArgumentError(f"gates: got {name!r}, expected names of gates: {', '.join(_GATES)}")
    report: dict[str, dict[str, Any]] = {}
    for name, values in arrays.items():
        means = values.mean(axis=1)
        by_character = {label: float(means[[other == label for other in text]].mean()) for label in dict.fromkeys(text)}
        by_character = dict(sorted(by_character.items(), key=lambda item: -item[1]))
        characters = list(by_character)
        report[name] = {
            "mean": float(values.mean()),
            "saturated_low": float(np.mean(values < (0.1 if _GATES[name].low == 0 else -0.9))),
            "saturated_high": float(np.mean(values > 0.9)),
            "by_character": by_character,
            "most_active": characters[0],
            "least_active": characters[-1],
        }
        if _GATES[name] == _GATES["forget"]:
            half_lives = _half_lives(values)
            report[name]["half_life"] = float(np.median(half_lives))
            report[name]["longest_half_life"] = float(half_lives.max())
    print("\n".join(_report_lines(report, len(text), _Screen.of_stdout())))
    return report


# ------------------------------------------------------------------------------ what came in


def _gate_arrays(
    gates: Mapping[str, ArrayLike | Sequence[ArrayLike]], text: str | Sequence[str]
) -> dict[str, np.ndarray]:
    if not isinstance(gates, Mapping) or not gates:
        raise ArgumentError(f"gates: got {gates!r:.60}, expected a dict such as {{'forget': (T, H) array, …}}")
    arrays = {str(name): _steps_by_units(f"gates[{name!r}]", values, text) for name, values in gates.items()}
    for name, values in arrays.items():
        if name in _GATES and ((values < _GATES[name].low) | (values > _GATES[name].high)).any():
            raise ArgumentError(
                f"gates[{name!r}]: got values from {values.min():.3g} to {values.max():.3g}, "
                f"expected {_GATES[name].low:g} to 1: what comes out of its σ or tanh"
            )
    return arrays


def _steps_by_units(name: str, values: ArrayLike | Sequence[ArrayLike], text: str | Sequence[str]) -> np.ndarray:
    """(T, H) float64, with T = len(text)."""
    array = _floats(name, values)
    if array.ndim != 2 or 0 in array.shape:
        raise ArgumentError(f"{name}: got shape {array.shape}, expected (T, H): one array (H,) for each step")
    if len(text) != len(array):
        raise ArgumentError(f"text: got {len(text)} characters, expected {len(array)}, one for each step of {name}")
    return array


def _norms(name: str, values: ArrayLike | Sequence[ArrayLike]) -> np.ndarray:
    """(T,) float64."""
    array = _floats(name, values)
    if array.ndim not in (1, 2) or 0 in array.shape:
        raise ArgumentError(f"{name}: got shape {array.shape}, expected (T,) norms, or (T, H) vectors")
    if array.ndim == 2:
        norms: np.ndarray = np.linalg.norm(array, axis=1)
        return norms
    if (array < 0).any():
        raise ArgumentError(f"{name}: got {array.min():.3g}, expected norms, which are not negative")
    return array


def _floats(name: str, values: ArrayLike | Sequence[ArrayLike]) -> np.ndarray:
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ArgumentError(f"{name}: got something else, expected numbers in arrays of one shape") from None


def _half_lives(forget: np.ndarray) -> np.ndarray:
    """(H,) steps, from a forget gate (T, H); ∞ where it stays at 1."""
    with np.errstate(divide="ignore"):
        half_lives: np.ndarray = math.log(2) / abs(np.log(forget).mean(axis=0))
    return half_lives


@dataclass(frozen=True)
class _Heatmap:
    """Values (T, H) with their scale and its meaning."""

    title: str
    values: np.ndarray
    low: float
    high: float
    #: What stands at the ends of the scale.
    ends: tuple[str, str]

    @staticmethod
    def of(name: str, values: np.ndarray) -> _Heatmap:
        limit = float(np.max(abs(values), where=np.isfinite(values), initial=0.0)) or 1.0
        if name not in _GATES:
            return _Heatmap(name, values, -limit, limit, (f"{-limit:.3g}", f"{limit:.3g}"))
        title, low, high, at_low, at_high = _GATES[name]
        if math.isinf(high):
            low, high = -max(1.0, limit), max(1.0, limit)
        return _Heatmap(title, values, low, high, (f"{low:.3g} {at_low}".rstrip(), f"{high:.3g} {at_high}".rstrip()))

    @property
    def diverging(self) -> bool:
        return self.low < 0


# ------------------------------------------------------------------------------ in the terminal


@dataclass(frozen=True)
class _Screen:
    """What standard output can show."""

    width: int
    unicode: bool
    #: "", "256" or "16M": how many colours.
    colours: str

    @staticmethod
    def of_stdout() -> _Screen:
        try:
            "␣░⣿┤".encode(getattr(sys.stdout, "encoding", None) or "ascii")
            unicode = True
        except (UnicodeEncodeError, LookupError):
            unicode = False
        colours = ""
        if sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
            colours = "16M" if os.environ.get("COLORTERM") in ("truecolor", "24bit") else "256"
        return _Screen(max(20, shutil.get_terminal_size().columns), unicode, colours)

    def paint(self, text: str, colour: RGB, *, background: bool = False) -> str:
        red, green, blue = colour
        if self.colours == "256":
            # The 6×6×6 cube of an xterm, whose levels are 0, 95, 135, …, 255.
            red, green, blue = (0 if v < 48 else min(5, max(1, round((v - 55) / 40))) for v in colour)
            code = f"5;{16 + 36 * red + 6 * green + blue}"
        else:
            code = f"2;{red};{green};{blue}"
        return f"\033[{48 if background else 38};{code}m{text}\033[0m"

    def label(self, text: str, columns: int) -> str:
        """A step's name in exactly that many columns."""
        if len(text) == 1:
            return drawing.visible_character(text, columns, ascii_only=not self.unicode)
        shown = (drawing.visible_character(character, ascii_only=not self.unicode) for character in text[:columns])
        return "".join(shown).ljust(columns)

    def shades(self, heatmap: _Heatmap, values: np.ndarray, columns: int) -> list[str]:
        """Values (height, width) as rows of coloured or shaded cells."""
        if self.colours:
            palette = drawing.DIVERGING if heatmap.diverging else drawing.SEQUENTIAL
            cells = [self.paint(" " * columns, colour, background=True) for colour in palette]
            cells.append(drawing.NAN_GLYPH * columns)
            levels = drawing.quantize(values, heatmap.low, heatmap.high, len(palette))
            return ["".join(cells[level] for level in row) for row in levels.tolist()]
        if heatmap.diverging:
            ramp = drawing.DIVERGING_RAMPS["unicode" if self.unicode else "ascii"]
        else:
            ramp = drawing.RAMPS["bars" if self.unicode else "ascii"]
        return drawing.shade(drawing.quantize(values, heatmap.low, heatmap.high, len(ramp)), ramp, columns)

    def chart(self, curves: Sequence[tuple[np.ndarray, np.ndarray]], height: int, **options: Any) -> list[str]:
        """A chart of two curves, in two colours or, without colours, with two marks."""
        glyphs: drawing.Glyphs = "braille" if self.colours and self.unicode else "ascii"
        chart = drawing.draw_chart(curves, min(self.width, 100), height, whole_x=True, glyphs=glyphs, **options)
        if not self.colours:
            return chart.rows
        return [
            "".join(text if index < 0 else self.paint(text, (_BLUE, _ORANGE)[index]) for text, index in chart.runs(row))
            for row in range(len(chart.rows))
        ]

    def legend(self, names: tuple[str, ...]) -> str:
        if not self.colours:
            return "   ".join(f"{mark} {name}" for mark, name in zip(drawing.MARKS, names, strict=False))
        line = "──" if self.unicode else "--"
        return "   ".join(self.paint(f"{line} {n}", colour) for n, colour in zip(names, (_BLUE, _ORANGE), strict=True))


def _heatmap_lines(screen: _Screen, heatmap: _Heatmap, text: str | Sequence[str]) -> list[str]:
    """Title with scale, then units downwards and steps across, in as many blocks as the width asks for."""
    T, H = heatmap.values.shape
    steps = np.linspace(heatmap.low, heatmap.high, 16)[None]
    (scale,) = screen.shades(heatmap, steps, 1)
    lines = [f"{heatmap.title}   {heatmap.ends[0]} [{scale}] {heatmap.ends[1]}"]
    units = np.arange(H)
    if H > _MAX_UNITS:
        variation = np.where(np.isfinite(heatmap.values), heatmap.values, 0).std(axis=0)
        units = np.sort(np.argsort(-variation, kind="stable")[:_MAX_UNITS])
        lines.append(f"(the {_MAX_UNITS} of {H} units that vary most)")
    shown = np.concatenate([heatmap.values[:, units], heatmap.values.mean(axis=1, keepdims=True)], axis=1)

    room = screen.width - 6
    columns = max(1, min(3, room // T))
    names = [f"{unit:4}  " for unit in units] + ["mean  "]
    blocks = math.ceil(T * columns / room)
    for start in range(0, T, math.ceil(T / blocks)):
        block = slice(start, start + math.ceil(T / blocks))
        lines.append("unit  " + "".join(screen.label(label, columns) for label in text[block]))
        cells = screen.shades(heatmap, shown[block].T, columns)
        lines += [name + row for name, row in zip(names, cells, strict=True)]
    return lines


def _report_lines(report: dict[str, dict[str, Any]], steps: int, screen: _Screen) -> list[str]:
    def at(numbers: dict[str, Any], which: str) -> str:
        return f"'{screen.label(numbers[which], len(numbers[which]))}' {numbers['by_character'][numbers[which]]:.3f}"

    lines = [
        f"gate patterns over {steps} characters",
        f"{'gate':<13}{'mean':>7}{'< 0.1':>8}{'> 0.9':>8}   {'most active':<14}{'least active':<14}",
    ]
    for name, numbers in report.items():
        low, high = (f"{100 * numbers[end]:.0f} %" for end in ("saturated_low", "saturated_high"))
        lines.append(
            f"{_GATES[name].title:<13}{numbers['mean']:>7.3f}{low:>8}{high:>8}   "
            f"{at(numbers, 'most_active'):<14}{at(numbers, 'least_active'):<14}".rstrip()
        )
        if _GATES[name].low < 0:
            lines[-1] += "   (here < −0.9)" if screen.unicode else "   (here < -0.9)"
    for numbers in report.values():
        if "half_life" in numbers:
            lines.append(
                f"By the forget gate alone a cell holds half of its value for {numbers['half_life']:.3g} steps "
                f"(median unit; longest {numbers['longest_half_life']:.3g})."
            )
    return lines


# ------------------------------------------------------------------------------ as a picture


class _Picture(NamedTuple):
    """A figure that notebooks can display."""

    draw: Callable[[Figure], None]
    width: float
    height: float

    def figure(self) -> Figure:
        figure = new_figure(self.width, self.height)
        self.draw(figure)
        return figure

    def _repr_png_(self) -> bytes:
        return picture_bytes(self.figure(), ".png")


def _show(lines: Callable[[_Screen], list[str]], picture: _Picture, path: PathName | None) -> None:
    """Displays the picture in a notebook, prints the lines anywhere else; saves to ``path`` if there is one."""
    if path is not None:
        check_picture(path)
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if hasattr(shell, "kernel") and has_matplotlib():
        importlib.import_module("IPython.display").display(picture)
    else:
        print("\n".join(lines(_Screen.of_stdout())))
    if path is not None:
        save_picture(picture.figure(), path)


def _width(text: str | Sequence[str]) -> float:
    """The width in inches for that many steps."""
    return min(16.0, max(6.0, 2.5 + 0.16 * len(text)))


def _panels(figure: Figure, count: int) -> list[Axes]:
    panels = [figure.add_subplot(count, 1, index + 1) for index in range(count)]
    for axes in panels:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["bottom", "left"]].set_color("0.6")
        axes.tick_params(which="both", labelsize=8, color="0.6", labelcolor="0.25")
    return panels


def _draw_heatmap(figure: Figure, axes: Axes, heatmap: _Heatmap, text: str | Sequence[str]) -> None:
    image = axes.imshow(
        heatmap.values.T,
        aspect="auto",
        interpolation="nearest",
        cmap=_colormap(heatmap.diverging),
        vmin=heatmap.low,
        vmax=heatmap.high,
    )
    axes.spines[:].set_visible(False)
    axes.set_title(heatmap.title, loc="left", fontsize=10, fontweight="bold")
    axes.set_ylabel("unit", fontsize=8, color="0.25")
    axes.locator_params(axis="y", integer=True)
    _name_steps(axes, text)
    bar = figure.colorbar(image, ax=axes, pad=0.015, aspect=max(12, 0.8 * min(heatmap.values.shape[1], 40)))
    bar.outline.set_visible(False)
    bar.set_ticks([heatmap.low, (heatmap.low + heatmap.high) / 2, heatmap.high])
    bar.set_ticklabels([heatmap.ends[0], f"{(heatmap.low + heatmap.high) / 2:g}", heatmap.ends[1]], fontsize=8)
    bar.ax.tick_params(length=0, colors="0.25")


def _draw_curves(axes: Axes, curves: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> None:
    for (name, xs, ys), colour in zip(curves, (_BLUE, _ORANGE), strict=True):
        rgb = tuple(channel / 255 for channel in colour)
        axes.plot(xs, ys, color=rgb, linewidth=1.5, label=name, marker="o" if len(xs) < 3 else None)
    axes.grid(axis="y", color="0.9", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=8)


def _name_steps(axes: Axes, text: str | Sequence[str]) -> None:
    """The characters under the x axis; of more than fit, none, but the numbers of the steps."""
    axes.tick_params(axis="x", length=0)
    if len(text) > 160:
        axes.set_xlabel("step", fontsize=8, color="0.25")
        return
    from matplotlib.font_manager import findfont, get_font

    font = get_font(findfont("DejaVu Sans Mono"))  # Matplotlib brings it along
    labels = [drawing.visible_character(label, 2).rstrip() if len(label) == 1 else label for label in text]
    labels = ["".join(c if font.get_char_index(ord(c)) else "�" for c in label) for label in labels]
    points = 72 * (_width(text) - 1.7) / len(text)  # that one step has
    axes.set_xticks(range(len(text)), labels, family="DejaVu Sans Mono", fontsize=min(10.0, max(5.0, 1.1 * points)))
    for tick in axes.get_xticklabels():
        tick.set_parse_math(False)  # a $ is a character here
        tick.set_rotation(90 if max(map(len, labels)) > 2 else 0)


def _colormap(diverging: bool) -> Colormap:
    from matplotlib.colors import LinearSegmentedColormap

    colours = drawing.DIVERGING_ON_WHITE if diverging else drawing.SEQUENTIAL
    return LinearSegmentedColormap.from_list("lstm_ext", [tuple(v / 255 for v in rgb) for rgb in colours])
