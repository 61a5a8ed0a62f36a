"""The pictures of the lab's screens in docs/pictures (``make pictures``): the real app, driven by keys.

A network has learned a fixed number of steps with a fixed seed and the portable kernel, so the pictures change only
when the lab does.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from app.still import VIEWS, View, look, save_runs, still_lab

from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.screens.gates import GatesScreen

TARGET = Path(__file__).resolve().parent / "pictures"
SIZE = (110, 32)
STEPS = 1500
CONFIG = RunConfig.from_options({"hidden_size": 64, "eval_every": 100, "threads": 1})
#: What only the tests look at.
LEFT_OUT = ("step-update", "experiment-answer", "help")
#: Instead of what they look at.
VIEWS_OF_THEIR_OWN = {
    "step": View("step", "2", ("right_square_bracket", *["right"] * 6)),
    "gates": View("gates", "4", ("h", "s", "v"), lambda screen: cast(GatesScreen, screen).look is not None),
}


def smaller(svg: str) -> str:
    """The same picture in fewer bytes: short names, and once what Rich writes for each piece of text."""
    prefix = re.search(r"terminal-\d+-", svg)
    if prefix is not None:
        svg = svg.replace(prefix[0], "t")
    svg = re.sub(r' clip-path="url\(#tline-\d+\)"', "", svg)
    svg = re.sub(r'<clipPath id="tline-\d+">\s*<rect [^>]*/>\s*</clipPath>\s*', "", svg)
    svg = svg.replace(' shape-rendering="crispEdges"', "")
    return svg.replace("</style>", "    rect { shape-rendering: crispEdges }\n    </style>", 1)


async def draw(names: Sequence[str]) -> None:
    """Write NAME.svg for each of the names, or for all views."""
    save_runs(
        {
            "shakespeare-lstm.safetensors": (CONFIG, 800),
            "shakespeare-gru.safetensors": (CONFIG.with_options({"cell": "gru"}), 600),
            "shakespeare-rnn.safetensors": (CONFIG.with_options({"cell": "rnn", "hidden_size": 32}), 400),
        },
        "shakespeare",
    )
    TARGET.mkdir(exist_ok=True)
    async with still_lab(SIZE, CONFIG, "shakespeare", STEPS) as here:
        for view in VIEWS:
            if view.name in LEFT_OUT or (names and view.name not in names):
                continue
            await look(here, VIEWS_OF_THEIR_OWN.get(view.name, view))
            path = TARGET / f"{view.name}.svg"
            path.write_text(smaller(here.app.export_screenshot(title="lstm-lab", simplify=True)), encoding="utf-8")
            print(f"docs/pictures/{path.name}: {path.stat().st_size // 1000} kB")


def main() -> None:
    """In a folder and with settings of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("STATE", "CONFIG", "DATA", "CACHE"):
            os.environ[f"XDG_{name}_HOME"] = folder
        os.environ.update(HOME=folder, COLORTERM="truecolor", TERM="xterm-256color")
        os.environ.pop("NO_COLOR", None)
        os.chdir(folder)
        asyncio.run(draw(sys.argv[1:]))


if __name__ == "__main__":
    main()
