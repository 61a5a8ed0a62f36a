"""Plots: what the terminal, a notebook and a file get to see, and the numbers."""

from __future__ import annotations

import io
import math
import re
import struct
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import image

from lstm_ext.visualization import (
    analyze_gate_patterns,
    plot_cell_state_evolution,
    plot_gate_activations,
    plot_gradient_flow_comparison,
)

pytestmark = pytest.mark.filterwarnings("error")

FORGET = np.array([[0.0, 0.5], [1.0, 0.25], [0.99, np.nan]])


class Output(io.StringIO):
    """Standard output that says what it is."""

    def __init__(self, *, tty: bool, encoding: str) -> None:
        super().__init__()
        self._tty, self._encoding = tty, encoding

    def isatty(self) -> bool:
        return self._tty

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding


Draw = Callable[..., list[str]]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Draw:
    """Calls a function with standard output as described, and returns the lines that it printed."""

    def run(
        call: Callable[[], object],
        *,
        tty: bool = False,
        encoding: str = "utf-8",
        width: int = 80,
        **environment: str,
    ) -> list[str]:
        for name in ("NO_COLOR", "COLORTERM"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": str(width), **environment}.items():
            monkeypatch.setenv(name, value)
        output = Output(tty=tty, encoding=encoding)
        monkeypatch.setattr(sys, "stdout", output)
        call()
        output.getvalue().encode(encoding)
        return output.getvalue().splitlines()

    return run


def test_gates_in_characters(drawn: Draw) -> None:
    lines = drawn(lambda: plot_gate_activations({"forget": FORGET, "candidate": FORGET - 1}, "a \n"))
    assert lines == [
        "forget gate   0 forgets [  ▁▁▂▃▃▄▄▅▆▆▇▇██] 1 keeps",
        "unit  a  ␣  ↵  ",
        "   0     ██████",
        "   1  ▄▄▄▂▂▂???",
        "mean  ▂▂▂▅▅▅???",
        "",
        "candidate   -1 [●●◉◉○··  ░▒▒▓▓██] 1",
        "unit  a  ␣  ↵  ",
        "   0  ●●●      ",
        "   1  ○○○◉◉◉???",
        "mean  ◉◉◉○○○???",
    ]


def test_gates_in_ascii(drawn: Draw) -> None:
    lines = drawn(lambda: plot_gate_activations({"f": FORGET, "c": 3 - 4 * FORGET}, "aé\n"), encoding="ascii")
    assert lines == [
        "forget gate   0 forgets [  .::-==+**#%%@@] 1 keeps",
        "unit  a  ?  /  ",
        "   0     @@@@@@",
        "   1  +++:::???",
        "mean  :::***???",
        "",
        "c   -3 [@@OOo..  -++**##] 3",
        "unit  a  ?  /  ",
        "   0  ###......",
        "   1  +++***???",
        "mean  ***---???",
    ]


def test_colours_only_where_they_are_welcome(drawn: Draw) -> None:
    def plot() -> None:
        plot_gate_activations({"forget": [[0.0], [1.0]]}, "ab")

    plain = drawn(plot)
    assert drawn(plot, tty=True, NO_COLOR="1") == drawn(plot, tty=True, TERM="dumb") == plain
    lines = drawn(plot, tty=True, COLORTERM="truecolor")
    cell = "\x1b[48;2;{}m   \x1b[0m"
    assert lines[2] == "   0  " + cell.format("22;24;50") + cell.format("253;238;120")
    lines = drawn(plot, tty=True)
    assert lines[2] == "   0  \x1b[48;5;17m   \x1b[0m\x1b[48;5;228m   \x1b[0m"
    assert "\x1b" not in lines[1]


def test_a_long_text_is_wrapped_and_the_liveliest_units_are_shown(drawn: Draw) -> None:
    rng = np.random.default_rng(0)
    values = np.full((100, 40), 0.5)
    lively = np.sort(rng.permutation(40)[:24])
    values[:, lively] = rng.uniform(size=(100, 24))
    text = "".join(rng.choice(list("abc "), 100))
    lines = drawn(lambda: plot_gate_activations({"forget": values}, text), width=70)
    assert max(len(line) for line in lines) <= 70
    assert lines[1] == "(the 24 of 40 units that vary most)"
    heads = [line for line in lines if line.startswith("unit")]
    assert "".join(head[6:] for head in heads) == text.replace(" ", "␣")
    assert [len(head) for head in heads] == [56, 56]
    assert [int(line[:4]) for line in lines[3:27]] == lively.tolist()


def test_cell_states(drawn: Draw) -> None:
    states = [np.array([1.0, -4.0]), np.array([2.0, 0.0]), np.array([0.0, 4.0])]
    lines = drawn(lambda: plot_cell_state_evolution(states, "abc"), width=60)
    assert lines[:5] == [
        "cell state C   -4 [●●◉◉○··  ░▒▒▓▓██] 4",
        "unit  a  b  c  ",
        "   0  ░░░▒▒▒   ",
        "   1  ●●●   ███",
        "mean  ○○○░░░▒▒▒",
    ]
    assert lines[6] == "* largest |C|   o mean |C|"
    assert lines[7].startswith("4|*") and lines[7].rstrip().endswith("*")
    chart = lines[7:]
    assert len(chart) == 10 and all(len(line) <= 60 for line in chart)
    assert drawn(lambda: plot_cell_state_evolution([[0.0]], "x"))[2] == "   0     "


def test_gradient_flow(drawn: Draw) -> None:
    def plot() -> None:
        plot_gradient_flow_comparison([[3.0, 4.0], [0.3, 0.4], [0.03, 0.04]], np.array([1.0, 0.1]))

    lines = drawn(plot, width=50)
    assert lines[0] == "gradient norm, by steps back from the loss   * LSTM   o RNN"
    assert lines[-1] == "1 steps back: LSTM 0.5, RNN 0.1, 5 times as much in the LSTM"
    labels = [line.split("|")[0].strip() for line in lines if "|" in line]
    assert [label for label in labels if label] == ["1e1", "1e0", "1e-1", "1e-2"]
    assert lines[-2].split() == ["0", "1", "2"]
    coloured = drawn(plot, width=50, tty=True, COLORTERM="truecolor")
    assert "\x1b[38;2;52;136;214m── LSTM\x1b[0m" in coloured[0]
    assert [re.sub("\x1b\\[[0-9;]*m", "", line).count("┤") for line in coloured].count(1) == 4
    lines = drawn(lambda: plot_gradient_flow_comparison([1, 0.1], [1, 0.0]))
    assert lines[-1] == "1 steps back: LSTM 0.1, RNN 0"


def test_patterns_by_hand(drawn: Draw) -> None:
    gates = {
        "forget": np.array([[0.5, 1.0], [0.5, 1.0], [0.05, 1.0]]),
        "g": np.array([[-0.95, 0.0], [0.95, 0.0], [0.0, 0.0]]),
    }
    report: dict[str, Any] = {}
    lines = drawn(lambda: report.update(analyze_gate_patterns(gates, "xyx")))
    forget = report["forget"]
    assert forget["mean"] == pytest.approx(4.05 / 6)
    assert (forget["saturated_low"], forget["saturated_high"]) == (pytest.approx(1 / 6), pytest.approx(3 / 6))
    assert list(forget["by_character"].items()) == [("y", pytest.approx(0.75)), ("x", pytest.approx(2.55 / 4))]
    assert (forget["most_active"], forget["least_active"]) == ("y", "x")
    unit = math.log(0.5) / (math.log(0.5 * 0.5 * 0.05) / 3)  # the other one keeps for ever
    assert forget["half_life"] == math.inf and forget["longest_half_life"] == math.inf
    assert (report["g"]["saturated_low"], report["g"]["saturated_high"]) == (pytest.approx(1 / 6), pytest.approx(1 / 6))
    assert "half_life" not in report["g"]
    assert lines[0] == "gate patterns over 3 characters"
    assert lines[2].split() == ["forget", "gate", "0.675", "17", "%", "50", "%", "'y'", "0.750", "'x'", "0.637"]
    assert lines[3].endswith("(here < −0.9)")

    alone = analyze_gate_patterns({"f": gates["forget"][:, :1]}, "xyx")["f"]
    assert alone["half_life"] == alone["longest_half_life"] == pytest.approx(unit)
    assert analyze_gate_patterns({"f": [[0.0]]}, "x")["f"]["half_life"] == 0


GATES = {"forget": np.full((3, 2), 0.5)}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: plot_gate_activations(GATES, "ab"),
            "text: got 2 characters, expected 3, one for each step of gates['forget']",
        ),
        (
            lambda: plot_gate_activations({}, "abc"),
            "gates: got {}, expected a dict such as {'forget': (T, H) array, …}",
        ),
        (
            lambda: plot_gate_activations({"forget": [0.5, 0.5]}, "ab"),
            "gates['forget']: got shape (2,), expected (T, H): one array (H,) for each step",
        ),
        (
            lambda: plot_gate_activations({"input": [np.zeros(2), np.zeros(3)]}, "ab"),
            "gates['input']: got something else, expected numbers in arrays of one shape",
        ),
        (
            lambda: plot_gate_activations({"output": [[-3.5, 2.25]]}, "a"),
            "gates['output']: got values from -3.5 to 2.25, expected 0 to 1: what comes out of its σ or tanh",
        ),
        (
            lambda: analyze_gate_patterns({"g": [[-1.5]]}, "a"),
            "gates['g']: got values from -1.5 to -1.5, expected -1 to 1: what comes out of its σ or tanh",
        ),
        (
            lambda: analyze_gate_patterns({"c": [[0.5]]}, "a"),
            "gates: got 'c', expected names of gates: "
            "input, forget, candidate, output, reset, update, i, f, g, o, r, z, n",
        ),
        (
            lambda: plot_cell_state_evolution([], ""),
            "states: got shape (0,), expected (T, H): one array (H,) for each step",
        ),
        (
            lambda: plot_gradient_flow_comparison([1.0], []),
            "rnn_grads: got shape (0,), expected (T,) norms, or (T, H) vectors",
        ),
        (
            lambda: plot_gradient_flow_comparison([-1.0], [1.0]),
            "lstm_grads: got -1, expected norms, which are not negative",
        ),
        (
            lambda: plot_gate_activations(GATES, "abc", path="gates.jpg"),
            "path: got 'gates.jpg', expected a name that ends in .png, .svg, .pdf",
        ),
        (
            lambda: plot_gradient_flow_comparison([1.0], [1.0], Path("flow")),
            "path: got 'flow', expected a name that ends in .png, .svg, .pdf",
        ),
    ],
)
def test_messages(call: Callable[[], object], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message
    assert capsys.readouterr().out == ""


def test_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "$a$ \n日x"
    gates = {"forget": np.linspace(0, 1, 21).reshape(7, 3), "candidate": np.linspace(-1, 1, 21).reshape(7, 3)}
    plot_gate_activations(gates, text, path=tmp_path / "gates.png")
    plot_cell_state_evolution(gates["candidate"], text, str(tmp_path / "cells.SVG"))
    plot_gradient_flow_comparison([1, 0.5, 0.0], [1, 0.1], tmp_path / "flow.pdf")
    plot_gate_activations({"forget": np.full((200, 130), 0.5)}, "x" * 200, path=tmp_path / "large.png")
    png = (tmp_path / "gates.png").read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert width > 900 and height > 250
    large = struct.unpack(">II", (tmp_path / "large.png").read_bytes()[16:24])
    assert large[0] <= 16 * 160 and large[1] <= 8 * 160
    assert "<svg" in (tmp_path / "cells.SVG").read_text(encoding="utf-8")
    assert (tmp_path / "flow.pdf").read_bytes().startswith(b"%PDF")
    assert "forget gate" in capsys.readouterr().out  # drawn as well as saved


def test_the_picture_shows_the_values(tmp_path: Path) -> None:
    plot_gate_activations({"forget": [[0.0, 1.0], [1.0, 1.0]]}, "ab", path=tmp_path / "x.png")
    pixels = np.rint(image.imread(tmp_path / "x.png")[..., :3] * 255).astype(int).reshape(-1, 3)
    closed, opened = ((pixels == colour).all(axis=1).sum() for colour in [(22, 24, 50), (253, 238, 120)])
    assert 2.5 < opened / closed < 3.5  # one cell of four is closed


def test_a_notebook_gets_the_picture(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown: list[Any] = []
    notebook = types.ModuleType("IPython")
    notebook.version_info = (8, 24)  # type: ignore[attr-defined]  # Matplotlib asks, if it is loaded here
    notebook.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    display = types.ModuleType("IPython.display")
    display.display = shown.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    plot_gate_activations(GATES, "abc")
    plot_cell_state_evolution(GATES["forget"], "abc")
    plot_gradient_flow_comparison([1.0, 0.5], [1.0, 0.1])
    assert len(shown) == 3 and all(picture._repr_png_().startswith(b"\x89PNG") for picture in shown)
    assert capsys.readouterr().out == ""

    notebook.get_ipython = lambda: types.SimpleNamespace()  # type: ignore[attr-defined]
    plot_gate_activations(GATES, "abc")  # IPython in a terminal
    assert len(shown) == 3 and "forget gate" in capsys.readouterr().out


def test_matplotlib_is_loaded_for_pictures_only_and_pyplot_never(tmp_path: Path) -> None:
    code = """
import sys
from lstm_ext.visualization import plot_gradient_flow_comparison
plot_gradient_flow_comparison([1.0, 0.5], [1.0, 0.1])
assert "matplotlib" not in sys.modules
plot_gradient_flow_comparison([1.0, 0.5], [1.0, 0.1], sys.argv[1])
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "flow.png")], check=True, capture_output=True)


def test_without_matplotlib_the_terminal_has_plots_and_pictures_are_one_clear_line(tmp_path: Path) -> None:
    code = """
import importlib.util, sys, types
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *package: None if name == "matplotlib" else find_spec(name, *package)
sys.modules["matplotlib"] = None
from lstm_ext.errors import MissingError
from lstm_ext.visualization import plot_gradient_flow_comparison
from lstm_ext.experiments.charts import save_charts
from lstm_lab.cli.main import main

plot_gradient_flow_comparison([1.0, 0.5], [1.0, 0.1])
for picture in (lambda: plot_gradient_flow_comparison([1.0], [1.0], "flow.png"), lambda: save_charts([], "x.svg")):
    try:
        picture()
    except MissingError as error:
        print(error)
print(main(["experiment", "gradient-flow", "--save", "out"]))
sys.modules["IPython"] = types.SimpleNamespace(get_ipython=lambda: types.SimpleNamespace(kernel=1))
plot_gradient_flow_comparison([1.0, 0.5], [1.0, 0.1])
"""
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    message = (
        "pictures need Matplotlib, which is not installed: pip install 'lstm-lab[plots]'; "
        "plots in the terminal work without it"
    )
    assert found.stdout.count("gradient norm, by steps back") == 2
    assert [line for line in found.stdout.splitlines() if "plots" in line or line == "1"] == [message, message, "1"]
    assert found.stderr == f"lstm-lab: error: {message}\n"
    assert list(tmp_path.iterdir()) == []
