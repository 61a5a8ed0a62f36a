"""Measure the lab as its user meets it: the real program in a pseudo-terminal, while it trains at full speed.

How soon it shows something, how soon it answers a key, what it sends, what it costs the training, how soon it ends.
Compare figures of one run; a busy machine makes all of them worse.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import psutil

from lstm_lab.cli.main import guarded
from lstm_lab.cli.options import Parser, add_json

from .pseudo_terminal import PseudoTerminal, Silent

LAB = (sys.executable, "-m", "lstm_lab", "lab", "--data", "shakespeare")
LOCAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
SSH = {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}
#: Bytes per second of a slow line.
SLOW = 20_000
SMALL, LARGE = (80, 24), (120, 40)
#: The legend of the curve appears with the first loss.
FIRST_LOSS = r"train(ing)? \d"


@dataclass(frozen=True)
class Figure:
    """A measured value and its bound."""

    name: str
    value: float
    unit: str
    bound: float
    #: Whether the value is to be at least the bound, instead of at most.
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the value keeps to the bound."""
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def line(self) -> str:
        """For print."""
        value, bound = (f"{number:.3g} {self.unit}" for number in (self.value, self.bound))
        relation = "≥" if self.at_least else "≤"
        return f"{self.name:<58} {value:>12}   {relation} {bound:<10} {'met' if self.met else 'MISSED'}"


def lab(
    folder: str,
    size: tuple[int, int] = LARGE,
    environment: Mapping[str, str] | None = None,
    *,
    rate: float | None = None,
) -> PseudoTerminal:
    """The lab with its own defaults, on a long text."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", *SSH)}
    known = {**inherited, **LOCAL, "XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder, **(environment or {})}
    return PseudoTerminal(LAB, columns=size[0], rows=size[1], environment=known, folder=folder, rate=rate)


def start(folder: str, repeats: int) -> Iterator[Figure]:
    """From the start of the process."""
    frames, losses, quits = [], [], []
    for _ in range(repeats):
        with lab(folder) as terminal:
            while b"\x1b[%d;1H" % terminal.rows not in terminal.output:  # the last line is drawn
                time.sleep(0.002)
            frames.append(time.monotonic() - terminal.started)
            terminal.until(FIRST_LOSS)
            losses.append(time.monotonic() - terminal.started)
            time.sleep(1.0)
            pressed = time.monotonic()
            terminal.press("q")
            terminal.process.wait(60)
            quits.append(time.monotonic() - pressed)
    yield Figure("first frame, median", float(np.median(frames)), "s", 0.5)
    yield Figure("first loss, median", float(np.median(losses)), "s", 0.6)
    yield Figure("quit, median", float(np.median(quits)), "s", 0.3)


def answers(terminal: PseudoTerminal, presses: int) -> np.ndarray:
    """Seconds from a key to its effect on the screen, over and over at random moments."""
    rng, seconds = random.Random(0), []
    for press in range(presses):
        time.sleep(rng.uniform(0.1, 0.4))
        key, shown = ("t", "0.9") if press % 2 == 0 else ("T", "0.8")
        mark, begin = terminal.press(key), time.monotonic()
        terminal.until(f"temperature {re.escape(shown)}", mark)
        seconds.append(time.monotonic() - begin)
    return np.array(seconds)


def keys(folder: str, presses: int) -> Iterator[Figure]:
    """While training runs at full speed."""
    for size in (LARGE, SMALL):
        with lab(folder, size) as terminal:
            terminal.until(FIRST_LOSS)
            time.sleep(3.0)
            took = 1e3 * answers(terminal, presses)
        what = f"key to paint, {size[0]}×{size[1]}"
        yield Figure(f"{what}, median", float(np.median(took)), "ms", 15)
        yield Figure(f"{what}, 99th percentile", float(np.percentile(took, 99)), "ms", 60)
    with lab(folder, LARGE, SSH, rate=SLOW) as terminal:
        terminal.until(FIRST_LOSS)
        time.sleep(3.0)
        took = answers(terminal, max(10, presses // 5))
    what = f"key to paint, {SLOW // 1000} kB/s, 120×40"
    yield Figure(f"{what}, median", float(np.median(took)), "s", 0.5)
    yield Figure(f"{what}, 99th percentile", float(np.percentile(took, 99)), "s", 1.0)


def traffic(folder: str, seconds: float) -> Iterator[Figure]:
    """With everything live."""
    kinds: tuple[tuple[str, Mapping[str, str], float], ...] = (
        ("locally, 24-bit colour", {}, 100),
        ("over SSH, 256 colours", {**SSH, "COLORTERM": ""}, 50),
        ("over SSH, 24-bit colour", SSH, 50),
    )
    for name, environment, bound in kinds:
        with lab(folder, LARGE, environment) as terminal:
            terminal.until(FIRST_LOSS)
            time.sleep(1.0)
            sent = terminal.bytes_during(seconds) / seconds / 1e3
        yield Figure(f"sent {name}, 120×40", sent, "kB/s", bound)


def training(folder: str, seconds: float, rounds: int) -> Iterator[Figure]:
    """Steps per second with the lab open, and by the plain command with the same settings, in turn."""
    with_lab, without = [], []
    for _ in range(rounds):
        with lab(folder) as terminal:
            terminal.until(FIRST_LOSS)
            time.sleep(2.0)
            before, begin = _step(terminal), time.monotonic()
            time.sleep(seconds)
            with_lab.append((_step(terminal) - before) / (time.monotonic() - begin))
        command = (*LAB[:3], "train", *LAB[4:], "--seconds", str(seconds), "--checkpoint", f"{folder}/m.safetensors")
        done = subprocess.run((*command, "--json"), cwd=folder, capture_output=True, check=True, env=os.environ)
        summary = json.loads(done.stdout.splitlines()[-1])
        without.append(summary["steps"] / summary["seconds"])
    ratio = float(np.median(with_lab) / np.median(without))
    yield Figure("training with the lab open, of without", 100 * ratio, "%", 97, at_least=True)


def _step(terminal: PseudoTerminal) -> int:
    """The step on the screen: other colours make the lab send all of it."""
    shown = terminal.until(r"step\s+([\d,]+)", terminal.press("\x1bOQ"))
    return int(shown[1].replace(",", ""))


def memory(folder: str, minutes: float) -> Iterator[Figure]:
    """Growth of the resident memory, once caches are full."""
    with lab(folder) as terminal:
        terminal.until(FIRST_LOSS)
        process = psutil.Process(terminal.process.pid)
        time.sleep(300.0)
        before = process.memory_info().rss
        time.sleep(60 * minutes)
        grown = process.memory_info().rss / before - 1
    yield Figure(f"memory, grown in {minutes:g} minutes", 100 * grown, "%", 3)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--quick", action="store_true", help="fewer repetitions, and no memory")
    parser.add_argument("--minutes", type=float, default=10.0, metavar="N", help="of memory, after the first five")
    parser.add_argument("--only", default="", metavar="NAME", help="one of start, keys, traffic, training, memory")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    quick = arguments.quick
    parts: dict[str, Callable[[str], Iterator[Figure]]] = {
        "start": lambda folder: start(folder, 3 if quick else 11),
        "keys": lambda folder: keys(folder, 40 if quick else 300),
        "traffic": lambda folder: traffic(folder, 10.0 if quick else 30.0),
        "training": lambda folder: training(folder, 5.0 if quick else 15.0, 1 if quick else 5),
        "memory": lambda folder: memory(folder, arguments.minutes),
    }
    figures: list[Figure] = []
    try:
        for name, part in parts.items():
            if arguments.only in ("", name) and (arguments.only or not (quick and name == "memory")):
                with tempfile.TemporaryDirectory() as folder:
                    for figure in part(folder):
                        figures.append(figure)
                        if not arguments.json:
                            print(figure.line(), flush=True)
    except Silent as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        print(json.dumps([{**asdict(figure), "met": figure.met} for figure in figures]))
    return 0 if all(figure.met for figure in figures) else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m bench.tui``, from the repository's root; returns the exit status."""
    parser = Parser(prog="python -m bench.tui", description=__doc__)
    add_arguments(parser)
    return guarded(lambda: run(parser.parse_args(arguments)))


if __name__ == "__main__":
    sys.exit(main())
