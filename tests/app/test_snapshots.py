"""Every screen as text, at two sizes, in colour, without colours and in ASCII, as it was when somebody looked at it.

`make snapshots` writes the files in snapshots/ anew; look at the difference before it is committed. In colour and
without colours, the styles of the cells stand below the text, a letter for each, and below them what the letters mean.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
from app.laboratory import LARGE, SMALL
from app.still import VIEWS, look, save_runs, still_lab
from rich.style import Style
from screen import strips
from textual.app import App

from lstm_ext.engine.backend import available_backends
from lstm_ext.train.run_config import RunConfig

SNAPSHOTS = Path(__file__).parent / "snapshots"
#: Set by `make snapshots`.
WRITE = bool(os.environ.get("LSTM_LAB_SNAPSHOTS"))
CONFIG = RunConfig.from_options(
    {"hidden_size": 12, "num_layers": 2, "seq_length": 20, "batch_size": 4, "eval_every": 20, "threads": 1}
)
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*+-/%&=<>!?$@#~^"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("c" not in available_backends(), reason="NumPy's last digits depend on the processor"),
]


def record(app: App[Any], *, styles: bool) -> str:
    """The screen as text; then the style of each cell."""
    lines = strips(app)
    text = ["".join(segment.text for segment in line).rstrip() for line in lines]
    if styles:
        names: dict[str, str] = {}
        cells = ["".join(_letter(names, segment.style) * segment.cell_length for segment in line) for line in lines]
        text += ["", *cells, "", *(f"{letter} {name}" for name, letter in names.items())]
    return "\n".join([*text, ""])


def _letter(names: dict[str, str], style: Style | None) -> str:
    """A letter for each style, in the order in which they come."""
    name = " ".join(_words(style or Style.null())) or "plain"
    if name not in names:
        names[name] = _LETTERS[len(names)] if len(names) < len(_LETTERS) else "?"
    return names[name]


def _words(style: Style) -> Iterator[str]:
    for attribute in ("bold", "dim", "italic", "underline", "reverse", "strike"):
        if getattr(style, attribute):
            yield attribute
    if style.color is not None and not style.color.is_default:
        yield style.color.name
    if style.bgcolor is not None and not style.bgcolor.is_default:
        yield f"on {style.bgcolor.name}"


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("kind", ["color", "no-color", "ascii"])
async def test_every_screen_is_as_it_was(
    size: tuple[int, int], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("STATE", "CONFIG", "DATA", "CACHE"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.chdir(tmp_path)
    if kind == "no-color":
        monkeypatch.setenv("NO_COLOR", "1")
    else:
        monkeypatch.delenv("NO_COLOR", raising=False)
    gru = CONFIG.with_options({"cell": "gru", "num_layers": 1})
    save_runs({"first-lstm.safetensors": (CONFIG, 100), "small-gru.safetensors": (gru, 60)})
    problems = []
    async with still_lab(size, CONFIG, ascii_only=kind == "ascii") as here:
        for view in VIEWS:
            await look(here, view)
            now = record(here.app, styles=kind != "ascii")
            path = SNAPSHOTS / f"{view.name}-{size[0]}x{size[1]}-{kind}.txt"
            if WRITE:
                path.parent.mkdir(exist_ok=True)
                path.write_text(now, encoding="utf-8")
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            if now != before:
                problems += [*unified_diff(before.split("\n"), now.split("\n"), path.name, "now", lineterm="", n=1)]
    assert not problems, "\n".join(["make snapshots, if this is as it should be:", *problems[:300]])
