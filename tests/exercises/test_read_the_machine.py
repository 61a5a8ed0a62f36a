"""The machine does what the exercise says of it: found on some texts, and true on others."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lstm_ext import Vocabulary
from lstm_lab.exercises.authoring import ladder_of
from lstm_lab.exercises.catalogue import read_exercise
from lstm_lab.exercises.content.read_the_machine import machine
from lstm_lab.exercises.grading.inline import InlineRunner, execute
from lstm_lab.exercises.grading.report import Report
from lstm_lab.exercises.workspace import Workspace

EXERCISE = read_exercise("read_the_machine")


def solution() -> Any:
    module = ModuleType("solution")
    module.__file__ = str(machine.FILE.with_name("solution.py"))
    assert execute(EXERCISE.solution, module) is None
    return module


def climbed(**answers: str) -> Report:
    source = EXERCISE.solution
    for name, unit in answers.items():
        old = next(line for line in source.splitlines() if line.startswith(f"{name} = "))
        source = source.replace(old, f"{name} = {unit}")
    ladder = ladder_of(EXERCISE)
    return ladder.climb(EXERCISE.id, InlineRunner(source, [rung.probe for rung in ladder.rungs]), 3)


@pytest.mark.parametrize("seed", range(3))
def test_each_of_the_three_units_follows_its_signal_and_breaks_its_ability_alone(seed: int) -> None:
    found = machine.read(machine.machine(), machine.make_text(np.random.default_rng([5, seed]), 4000))
    units = [found.unit(signal) for signal in machine.SIGNALS]
    assert units == [5, 2, 3]
    for signal, unit in zip(machine.SIGNALS, units, strict=True):
        assert abs(found.r[signal][unit]) == np.abs(found.r[signal]).max() > 0.75
        others = max(found.effect[other][unit] for other in machine.SIGNALS if other != signal)
        assert found.effect[signal][unit] > max(0.5, 4 * others)


def test_a_unit_follows_the_letter_on_the_sample_only() -> None:
    module = solution()
    signal, states = module.signals(module.SAMPLE)["letter"], module.Machine().read(module.SAMPLE)["c"]
    assert np.abs(module.correlations(states, signal)).argmax() == 4
    assert abs(machine.reading().r["letter"][4]) < 0.3


def test_what_the_starter_shows_is_what_the_check_measures() -> None:
    module = solution()
    text = module.make_text(np.random.default_rng(1), 3000)
    assert set(text) == set(machine.SYMBOLS)
    mine, theirs = module.signals(text), machine.signals(text)
    shown, symbols = module.Machine(), Vocabulary(machine.SYMBOLS).encode(text)
    effects = module.effects(lambda unit: shown.costs(text, unit), shown.units)
    found = machine.read(machine.machine(), text)
    for signal in machine.SIGNALS:
        np.testing.assert_array_equal(mine[signal], theirs[signal])
        r = module.correlations(shown.read(text)["c"].astype(float), mine[signal])
        np.testing.assert_allclose(r, found.r[signal], atol=1e-6)
        np.testing.assert_allclose(effects[signal], found.effect[signal], atol=1e-5)
    zeroed = machine.without(machine.machine(), 6).trace(symbols)[0]
    assert not zeroed["c"][:, 6].any()
    assert not zeroed["h"][:, 6].any()


@pytest.mark.parametrize(
    ("answers", "code", "words"),
    [
        ({"counts_brackets": "None"}, "no-answer", "counts_brackets has no answer yet"),
        ({"knows_quotes": "8"}, "not-a-unit", "they go from 0 to 7"),
        ({"knows_quotes": "2.5"}, "not-a-unit", "they go from 0 to 7"),
        ({"knows_quotes": "'three'"}, "not-a-unit", "they go from 0 to 7"),
        ({"counts_brackets": "2"}, "another-signal", "counts_brackets is not unit 2"),
        ({"knows_quotes": "1"}, "by-chance", "knows_quotes is not unit 1"),
        ({"counts_brackets": "6"}, "follows-only", "counts_brackets is not unit 6"),
        ({"remembers_letter": "4"}, "on-the-sample", "remembers_letter is not unit 4"),
        ({"counts_brackets": "6", "remembers_letter": "3", "knows_quotes": "4"}, "all-from-one", "counted from 1"),
    ],
)
def test_a_near_miss_is_explained(answers: dict[str, str], code: str, words: str) -> None:
    broken = climbed(**answers).broken
    assert broken is not None
    assert broken.finding is not None
    assert (broken.name, broken.finding.code) == ("answers", code)
    assert words in broken.finding.message


def test_the_machine_comes_with_the_starter(tmp_path: Path) -> None:
    path, _ = Workspace(tmp_path).start(EXERCISE)
    assert path.with_name("machine.safetensors").read_bytes() == machine.FILE.read_bytes()
