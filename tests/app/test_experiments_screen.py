"""The Experiments screen, driven by keys and mouse: what is measured, shown, compared and written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from app.laboratory import LARGE, SMALL, Lab, lab
from screen import segments, strips, until
from textual.widgets import Checkbox, Input

from lstm_ext.experiments import NAMES
from lstm_ext.experiments.records import Record, keep, published
from lstm_lab.app.keys import commands
from lstm_lab.app.screens.experiment_form import JOBS, ExperimentForm
from lstm_lab.app.screens.experiments import ExperimentsScreen
from lstm_lab.app.screens.files import SaveFile
from lstm_lab.app.screens.help import Help
from lstm_lab.app.widgets.experiment_list import ExperimentList
from lstm_lab.app.widgets.page import Page
from lstm_lab.outcomes import outcome_directory
from lstm_lab.text.experiments import rankings

BROAD = (200, 55)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.chdir(tmp_path)


class Experiments:
    """The lab at its Experiments screen, training paused."""

    def __init__(self, here: Lab) -> None:
        self.here = here

    @property
    def screen(self) -> ExperimentsScreen:
        assert isinstance(self.here.app.screen, ExperimentsScreen)
        return self.here.app.screen

    @property
    def text(self) -> str:
        return self.here.text

    async def press(self, *keys: str) -> None:
        await self.here.press(*keys)
        await self.here.pilot.pause()

    async def until(self, condition: Any) -> None:
        await self.here.until(condition)
        await self.here.pilot.pause()

    async def shows(self, *texts: str) -> None:
        await self.here.shows(*texts)

    async def open(self, name: str) -> None:
        self.screen.query_one(ExperimentList).choose(name)
        await self.press("enter")
        await self.until(lambda: self.screen.opened == name and self.screen.report is not None)

    def known(self) -> set[str]:
        return {command.id.removeprefix("experiments.") for command in commands(self.screen)}


@asynccontextmanager
async def experiments(size: tuple[int, int] = SMALL, *, ascii_only: bool = False) -> AsyncIterator[Experiments]:
    async with lab(size, ascii_only=ascii_only) as here:
        await here.paused()
        await here.press("7")
        await here.until(lambda: isinstance(here.app.screen, ExperimentsScreen) and here.app.screen.report is not None)
        yield Experiments(here)
        measuring = here.app.session.measuring
        if measuring is not None:
            measuring.cancel()
            measuring.wait(30)


# What there is.


@pytest.mark.parametrize("size", [SMALL, LARGE, BROAD, (60, 16)])
@pytest.mark.parametrize("ascii_only", [False, True])
async def test_every_size_holds_the_list_and_an_outcome(size: tuple[int, int], ascii_only: bool) -> None:
    async with experiments(size, ascii_only=ascii_only) as here:
        assert "Memory and gradients" in here.text and "gradient-flow" in here.text
        for line in strips(here.here.app):
            assert sum(segment.cell_length for segment in line) == size[0]
            assert all(segment.style is not None for segment in line)
        await here.open("memory")
        await here.shows("accuracy on unseen sequences", "LSTM chrono")
        assert not ascii_only or here.text.isascii()


async def test_the_list_has_every_experiment_with_its_question() -> None:
    async with experiments(LARGE) as here:
        for name in NAMES:
            assert name in here.text
        assert "Training" in here.text and "Which gate of an LSTM matters most?" in here.text
        await here.press("end")
        assert here.screen.query_one(ExperimentList).chosen == NAMES[-1]
        await here.press("up", "up", "down")
        assert here.screen.query_one(ExperimentList).chosen == NAMES[-2]
        await here.press("home")
        assert here.screen.query_one(ExperimentList).chosen == NAMES[0]


async def test_words_choose_among_the_experiments() -> None:
    async with experiments() as here:
        await here.press("slash", *"chrono noise")
        await here.until(lambda: "dropout" not in here.text)
        assert "memory" in here.text and "classics" not in here.text
        await here.press(*"xyz")
        await here.shows("No experiment is about that.")
        await here.press("escape")
        await here.shows("dropout")
        await here.press("slash", *"gru", "enter", "enter")
        await here.until(lambda: here.screen.opened != "")
        assert here.screen.opened == "memory", "which was marked before, and is about GRUs as well"


# An outcome.


async def test_the_figure_has_axes_intervals_and_a_legend() -> None:
    async with experiments(LARGE) as here:
        await here.open("memory")
        await here.shows("accuracy on unseen sequences", "━━ LSTM chrono", "━━ chance", "distance (fillers", "1.0┤")
        record = published("memory")
        assert record is not None
        assert "published: quick · 3 seeds" in here.text and f"lstm-lab {record.version}" in here.text
        colours = {segment.style.color for segment in segments(here.here.app) if "│" in segment.text and segment.style}
        assert len(colours) > 3, "intervals in the colours of their curves, beside the axis"
        assert "· The farthest distance solved" in here.text


async def test_pages_by_key_arrow_and_mouse() -> None:
    async with experiments() as here:
        await here.open("lstm-vs-gru")
        await here.press("t")
        await here.shows("after 1,000 updates", "107,713")
        await here.press("a")
        await here.shows("In order, lowest first", "< LSTM")
        await here.press("right")
        await here.shows("●●●", "variant")
        await here.press("right")
        assert here.screen.view == "figure", "there is nothing to compare it with"
        await here.press("left")
        assert here.screen.view == "runs"
        row = next(y for y, line in enumerate(here.here.line) if "Figure  Table" in line)
        await here.here.pilot.click(offset=(here.here.line[row].index("Table") + 1, row))
        await here.shows("after 1,000 updates")
        assert "compare" not in here.known()


async def test_the_next_experiment_and_back_to_the_list() -> None:
    async with experiments() as here:
        await here.open("memory")
        await here.press("n")
        assert here.screen.opened == "classics"
        await here.press("p", "p")
        assert here.screen.opened == "gradient-flow"
        await here.press("escape")
        await here.shows("Memory and gradients")
        y = next(y for y, line in enumerate(here.here.line) if " depth " in line)
        await here.here.pilot.click(offset=(5, y))
        await here.until(lambda: here.screen.opened == "depth")


async def test_wide_screens_have_the_answer_beside_the_figure() -> None:
    async with experiments(BROAD) as here:
        await here.open("memory")
        await here.shows("━━ LSTM chrono", "In order, lowest first", "What course texts say")
        await here.press("a")
        await here.shows("updates until learned, by distance", "How it was measured")


def other(seeds: int, when: str, shift: float = 0.0) -> Record:
    """An outcome of baselines, as if it had been measured here."""
    record = published("baselines")
    assert record is not None
    cells = {
        (label, seed): {**numbers, "loss": numbers["loss"] + shift}
        for (label, seed), numbers in record.results.cells.items()
        if seed < seeds
    }
    results = type(record.results)(record.results.variants, tuple(range(seeds)), cells, True)
    return Record("baselines", results, when, record.engine, record.version, 1.0)


async def test_an_old_outcome_beside_a_new_one() -> None:
    keep(outcome_directory(), other(2, "2026-01-01T00:00:00", shift=1.0))
    keep(outcome_directory(), other(3, "2026-01-02T00:00:00", shift=-1.0))
    async with experiments(LARGE) as here:
        assert "✓ baselines" in here.text
        await here.open("baselines")
        await here.shows("outcome 1 of 3")
        await here.press("c")
        await here.shows("differs  seeds: 2, now 3", "3 lower", "3 same")
        await here.press("o")
        await here.shows("old  published", "measured in the same way", "3 lower")
        await here.press("left_square_bracket")
        await here.shows("outcome 2 of 3", "seeds: 3, now 2", "3 higher")
        await here.press("left_square_bracket", "f")
        await here.shows("published: quick", "outcome 3 of 3")
        await here.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await here.shows("outcome 1 of 3")


async def test_what_another_version_measured_can_still_be_compared() -> None:
    record = other(3, "2026-01-02T00:00:00")
    for numbers in record.results.cells.values():
        del numbers["losses"]
    keep(outcome_directory(), record)
    async with experiments() as here:
        here.screen.query_one(ExperimentList).choose("baselines")
        await here.press("enter")
        await here.shows("Another version measured this")
        await here.press("c")
        await here.shows("6 same")


async def test_the_answer_says_which_differences_are_shown() -> None:
    async with experiments(LARGE) as here:
        await here.open("ablation")
        await here.press("a")
        page = here.screen.query_one("#page", Page)
        await here.until(lambda: page._count > 30)
        assert here.screen.report is not None
        lines = [text.plain for text in rankings(here.screen.report, 3, 90)]
        assert any(line.startswith("< ") for line in lines) and any(line.startswith("~ ") for line in lines)
        for _ in range(page._count):
            if "In order, lowest first" in here.text and "~ " in here.text:
                break
            await here.press("down")
        assert "In order, lowest first" in here.text


async def test_a_link_opens_an_experiment_before_the_list_is_read() -> None:
    async with lab() as here:
        await here.paused()
        await here.app.switch_mode("experiments")
        screen = here.app.screen
        assert isinstance(screen, ExperimentsScreen) and not screen.entries
        screen.action_open("depth")
        await here.until(lambda: screen.opened == "depth" and screen.report is not None)


# Measuring.


async def test_measuring_from_the_form_to_the_figure() -> None:
    async with experiments(LARGE) as here:
        await here.press("m")
        await here.here.asked(ExperimentForm)
        await here.shows("35 runs", "minute")
        await here.here.type_into("#seeds", "2")
        await here.shows("14 runs")
        await here.press("enter")
        await here.until(lambda: here.screen.progress is not None and not here.screen.progress.running)
        await here.shows("gradient-flow: 14 runs are measured", "just now: quick · 2 seeds", "outcome 1 of 2")
        assert here.screen.view == "figure"
        await here.shows("share of ∂L/∂h that is left")
        measuring = here.here.app.session.measuring
        assert measuring is not None
        assert measuring.progress.arguments == (
            "gradient-flow", "--quick", "--seeds", "2", "--jobs", str(JOBS)
        )  # fmt: skip
        await here.press("c")
        await here.shows("seeds: 5, now 2", "15 not shown")
        await here.press("m")
        await here.here.asked(ExperimentForm)
        await here.shows("35 runs, of which 14 are kept")


async def test_the_form_refuses_what_cannot_be_measured(tmp_path: Path) -> None:
    async with experiments() as here:
        here.screen.query_one(ExperimentList).choose("forecast")
        await here.press("m")
        await here.here.asked(ExperimentForm)
        form = here.here.app.screen
        await here.here.type_into("#seeds", "0")
        await here.shows("seeds: got 0, expected a whole number from 1 to 1000")
        await here.press("enter")
        assert here.here.app.screen is form
        await here.here.type_into("#seeds", "3")
        await here.here.type_into("#jobs", "x")
        await here.shows("processes: got x")
        await here.here.type_into("#jobs", "1")
        await here.here.type_into("#data", str(tmp_path / "nowhere.csv"))
        await here.shows("nowhere.csv")
        await here.here.type_into("#data", "")
        form.query_one("#quick", Checkbox).value = False
        await here.until(lambda: form.query_one("#seeds", Input).value == "5")
        form.query_one("#fresh", Checkbox).value = True
        await here.press("escape")
        await here.until(lambda: here.here.app.screen is not form)
        assert here.here.app.session.measuring is None


async def test_runs_come_in_continue_behind_other_screens_and_stop() -> None:
    async with experiments() as here:
        here.screen.action_measure("memory --seeds 40 --jobs 1")
        progress = here.screen.progress
        assert progress is not None and here.screen.view == "runs"
        await here.shows("of 2640 runs", "seed 0", "accuracy")
        assert {"stop", "list"} <= here.known() and "measure" not in here.known()
        here.screen.action_measure("depth --quick")
        assert here.screen.progress is not None and here.screen.progress.name == "memory", "one at a time"
        screen = here.screen
        await here.press("1")
        before = len(screen.progress.done) if screen.progress else 0
        await here.until(lambda: screen.progress and len(screen.progress.done) > before)
        await here.press("7")
        await here.shows("measuring memory")
        await here.press("escape")
        await here.until(lambda: any("> memory" in line and "/2640" in line for line in here.here.line))
        await here.press("x")
        await here.shows("memory is stopped")
        assert "stop" not in here.known()


async def test_a_figure_is_drawn_as_soon_as_a_seed_is_whole() -> None:
    async with experiments() as here:
        here.screen.action_measure("gradient-flow --quick --seeds 2000")
        await here.until(lambda: here.screen.progress and here.screen.progress.state == "failed")
        await here.shows("expected")
        here.screen.action_measure("gradient-flow --quick --seeds 900")
        await here.until(lambda: here.screen.progress and len(here.screen.progress.whole_seeds) > 1)
        await here.press("f")
        await here.until(lambda: here.screen.report is not None and here.screen.known(here.screen.entry)[0].when)  # type: ignore[arg-type]
        await here.shows("share of ∂L/∂h that is left", "of 6300 runs")


async def test_quitting_stops_measuring() -> None:
    async with experiments() as here:
        here.screen.action_measure("memory --seeds 40 --jobs 1")
        await here.until(lambda: here.screen.progress and here.screen.progress.done)
        measuring = here.here.app.session.measuring
        assert measuring is not None
        await here.press("q")
        measuring.wait(30)
        assert measuring.progress.state == "stopped"


# Writing.


@pytest.mark.parametrize("suffix", [".csv", ".json", ".svg", ".png"])
async def test_export(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"outcome{suffix}"
    async with experiments() as here:
        await here.open("baselines")
        await here.press("e")
        await here.here.asked(SaveFile)
        await here.here.type_into("Input", str(tmp_path / "outcome.txt"))
        await here.press("enter")
        await here.shows("expected one of .csv, .json, .svg, .png, .pdf")
        await here.here.type_into("Input", str(path))
        await here.press("enter")
        await until(here.here.pilot, path.exists)
    record = published("baselines")
    assert record is not None
    if suffix == ".csv":
        assert path.read_text().startswith("variant,seed,metric,index,value\n")
    elif suffix == ".json":
        assert json.loads(path.read_text())["seeds"] == [0, 1, 2]
    else:
        assert path.read_bytes().startswith(b"<?xml" if suffix == ".svg" else b"\x89PNG")


async def test_without_matplotlib_the_picture_is_that_of_the_screen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lstm_lab.app.screens.experiments.has_matplotlib", lambda: False)
    path = tmp_path / "outcome.svg"
    async with experiments() as here:
        await here.open("baselines")
        await here.press("e")
        await here.here.asked(SaveFile)
        await here.here.type_into("Input", str(path))
        await here.press("enter")
        await until(here.here.pilot, path.exists)
    assert "lstm-lab" in path.read_text()


async def test_help_names_every_key_of_the_screen() -> None:
    async with experiments() as here:
        await here.open("memory")
        assert {"list", "measure", "figure", "table", "answer", "runs", "export", "next", "right"} <= here.known()
        await here.press("question_mark")
        await here.here.asked(Help)
        assert "Experiments" in here.text


# For recordings.


async def test_what_is_shown_can_be_shown_again() -> None:
    keep(outcome_directory(), other(2, "2026-01-01T00:00:00"))
    async with experiments() as here:
        await here.press("down")
        listed = here.screen.state()
        assert listed == {"experiment": "", "chosen": "memory", "view": "figure", "published": True}
        await here.open("baselines")
        await here.press("left_square_bracket", "t")
        await here.shows("published: quick")
        shown = here.screen.state()
        assert shown == {"experiment": "baselines", "chosen": "baselines", "view": "table", "published": True}
        await here.press("escape", "home")
        await here.screen.restore(shown)
        assert here.screen.state() == shown and here.screen.record is not None and not here.screen.record.when
        await here.screen.restore(listed)
        assert here.screen.state() == {**listed, "view": "table"}
        await here.screen.restore({"experiment": 3, "chosen": "nothing", "view": [], "published": "yes"})
        assert here.screen.state() == {**listed, "view": "table"}
