"""The symptoms of a run: each in a made-up history, none in the ordinary course of training, and some in real runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lstm_ext.data import load_text
from lstm_ext.engine.config import OptimizerConfig
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.diagnosis import diagnose, repetition
from lstm_ext.train.history import History
from lstm_ext.train.run_config import RunConfig
from lstm_ext.train.snapshot import Snapshot

CONFIG = TrainerConfig()
WITHOUT_CLIPPING = TrainerConfig(optimizer=OptimizerConfig(clip_norm=0.0))


def snapshot(losses: np.ndarray, validation: Mapping[int, float] | None = None, **changes: Any) -> Snapshot:
    """A run with these losses, and validation losses by step."""
    history = History()
    history.add(1, losses)
    for step, loss in (validation or {}).items():
        history.add_validation(step, loss)
    values: dict[str, Any] = {
        "status": "running",
        "message": "",
        "step": len(losses),
        "epoch": 0.0,
        "loss": float(np.mean(losses[-5:])) if len(losses) else np.nan,
        "smoothed": history.smoothed,
        "val_loss": history.val_loss,
        "best_val": history.best_val,
        "best_step": history.best_step,
        "bits_per_char": 0.0,
        "grad_norm": 0.5,
        "lr": 4e-3,
        "chars_per_second": 50_000.0,
        "seconds": 1.0,
        "total_steps": None,
        "total_seconds": None,
        "saved_step": None,
        "history": history.view(),
    }
    return Snapshot(**{**values, **changes})


def learning(steps: int, low: float = 1.5, speed: float = 300.0) -> np.ndarray:
    """Losses from ln 65 down towards ``low``, with noise; they fall ever more slowly, as those of real runs do."""
    n = np.arange(steps)
    noise = np.random.default_rng(steps).normal(0.0, 0.04, steps)
    return low + (4.17 - low) / (1 + n / speed) + noise


@pytest.mark.parametrize("steps", [1, 2, 20, 100, 500, 2000, 4000, 8000])
def test_ordinary_training_has_no_symptom(steps: int) -> None:
    losses = learning(steps)
    noise = np.random.default_rng(0).normal(0.0, 0.01, steps)
    validation = {step: losses[step - 21 : step].mean() + 0.1 + noise[step] for step in range(100, steps, 100)}
    assert diagnose(snapshot(losses, validation), CONFIG) is None


def test_nothing_yet_and_failures() -> None:
    assert diagnose(snapshot(np.array([])), CONFIG) is None
    exploded = np.concatenate([learning(500), np.full(50, 400.0)])
    assert diagnose(snapshot(exploded, status="failed"), CONFIG) is None


def test_a_loss_that_explodes() -> None:
    found = diagnose(snapshot(np.concatenate([learning(500, 0.005, 3.0), np.full(200, 400.0)]), lr=10.0), CONFIG)
    assert found is not None and found.name == "exploding"
    assert found.message.startswith("the loss rose from 0.0") and found.message.endswith("to 400")
    assert found.fix == "lower the learning rate to 1; begin again if the loss stays high"
    assert (
        str(found) == f"exploding: {found.message}. Lower the learning rate to 1; begin again if the loss stays high."
    )


def test_a_loss_that_explodes_at_once() -> None:
    found = diagnose(snapshot(np.array([4.17, 4.2, 9.0, 25.0, 31.0, 28.0]), loss=28.0), WITHOUT_CLIPPING)
    assert found is not None and found.name == "exploding"
    assert "clip the gradient (clip norm 1)" in found.fix


def test_a_loss_that_goes_back_half_of_its_way() -> None:
    """From 4.17 to 1.5: half of it is lost at 2.84."""
    fallen = np.linspace(4.17, 1.5, 500)
    for level, name in ((3.0, "exploding"), (2.6, None)):
        found = diagnose(snapshot(np.concatenate([fallen, np.full(900, level)])), CONFIG)
        assert (found.name if found else None) == name


def test_one_high_loss_is_no_explosion() -> None:
    losses = learning(500)
    losses[-30] = 300.0
    assert diagnose(snapshot(losses), CONFIG) is None


def test_memorizing() -> None:
    losses = learning(800, 0.1, 20.0)
    found = diagnose(snapshot(losses, {700: 3.1, 800: 3.2}), CONFIG)
    assert found is not None and found.name == "memorizing"
    assert found.message == "training loss 0.21, validation 3.2: the text is learned by heart"
    assert diagnose(snapshot(losses, {700: 0.2, 800: 0.15}), CONFIG) is None  # what holds elsewhere, too
    assert diagnose(snapshot(losses), CONFIG) is None


def test_overfitting() -> None:
    losses = np.linspace(4.0, 1.0, 900)
    rising = {300: 2.4, 400: 2.0, 500: 2.05, 600: 2.08, 700: 2.15}
    found = diagnose(snapshot(losses, rising), CONFIG)
    assert found is not None and found.name == "overfitting"
    assert found.message == "validation rose from 2 to 2.15 while training fell"
    assert found.fix.startswith("stop: the weights of step 400 are kept")
    waiting = {300: 2.4, 400: 2.0, 500: 2.05, 600: 2.08}
    assert diagnose(snapshot(losses, waiting), CONFIG) is None
    wavering = {**rising, 700: 2.03}
    assert diagnose(snapshot(losses, wavering), CONFIG) is None
    both = np.concatenate([np.linspace(4.0, 2.0, 300), np.full(600, 2.0)])
    assert diagnose(snapshot(both, rising), CONFIG) is None  # training does not fall


def test_vanishing() -> None:
    losses = np.linspace(4.17, 3.0, 600)
    norms = np.where(np.arange(600) < 400, 0.4, 3e-5)

    def found(losses: np.ndarray, norms: np.ndarray) -> str | None:
        history = History()
        history.add(1, losses, norms)
        symptom = diagnose(snapshot(losses, history=history.view()), CONFIG)
        return None if symptom is None else str(symptom)

    assert (found(losses, norms) or "").startswith("vanishing: the gradient's norm is 3e-05, but the loss is still 3.")
    assert found(losses[:410], norms[:410]) is None  # some of the last steps had one
    assert found(losses[:190], np.full(190, 3e-5)) is None
    assert found(np.linspace(4.17, 0.01, 600), norms) is None  # nothing is left to learn
    assert found(losses, np.full(600, np.nan)) is None  # not known


@pytest.mark.parametrize(
    "lr, fix",
    [
        (1e-6, "raise the learning rate to 0.001"),
        (0.5, "lower the learning rate to 0.01"),
        (4e-3, "take a larger network, and a forget bias of 1"),
    ],
)
def test_not_learning(lr: float, fix: str) -> None:
    losses = np.linspace(4.17, 4.0, 600)
    found = diagnose(snapshot(losses, lr=lr), CONFIG)
    assert found is not None and (found.name, found.fix) == ("not learning", fix)
    assert diagnose(snapshot(losses[:400], lr=lr), CONFIG) is None
    assert diagnose(snapshot(np.linspace(4.17, 3.5, 600), lr=lr), CONFIG) is None


def test_plateau() -> None:
    rng = np.random.default_rng(0)
    losses = np.concatenate([learning(2000), 1.8 + rng.normal(0, 0.05, 6000)])
    found = diagnose(snapshot(losses, lr=3e-3), CONFIG)
    assert found is not None and found.name == "plateau"
    assert found.message == "the loss has been 1.8 for 4,000 steps"
    assert found.fix == "lower the learning rate to 0.001, or take a larger network"
    assert diagnose(snapshot(losses[:3900]), CONFIG) is None
    assert diagnose(snapshot(np.full(8000, 0.01) + np.linspace(1.0, 0.0, 8000) ** 40), CONFIG) is None  # learned all


def test_slow() -> None:
    """800 characters per step."""
    assert diagnose(snapshot(learning(20), chars_per_second=500.0), CONFIG) is None
    found = diagnose(snapshot(learning(20), chars_per_second=250.0), CONFIG)
    assert found is not None and (found.name, found.message) == ("slow", "a step takes 3.2 seconds")


def test_repetition() -> None:
    found = repetition("Ham" + " the sea and" * 12, "The sea and the sky.")
    assert found is not None and (found.name, found.message) == ("repetitive", "the sample repeats 'the sea and'")
    assert repetition("e" * 200, "eel") is not None
    assert repetition(" the sea and" * 12 + " then the ship came in, at last, and all the men were", "") is None
    assert repetition("hello " * 30, "hello " * 200) is None  # as the text says it
    assert repetition("nono", "") is None
    assert repetition("", "") is None


def symptoms(name: str, steps: int, **options: Any) -> list[str]:
    """The symptoms on the way of a real run, and at last that of its end or "none"."""
    config = RunConfig.from_options(options)
    trainer = config.trainer(load_text(name))
    found: list[str] = []

    def look(now: Snapshot) -> None:
        symptom = diagnose(now, config.training)
        found.append(symptom.name if symptom else "none")

    trainer.run(steps=steps, on_progress=look)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name, steps", [("hello", 300), ("abc", 300), ("hamlet", 200), ("shakespeare", 300)])
def test_the_defaults_are_healthy(name: str, steps: int) -> None:
    assert set(symptoms(name, steps)) <= {"none", "slow"}  # on a busy machine


@pytest.mark.slow
@pytest.mark.parametrize(
    "steps, options, name",
    [
        (150, {"lr": 10.0}, "exploding"),
        (600, {"lr": 1e-7, "hidden_size": 8}, "not learning"),
        (700, {}, "memorizing"),
        (600, {"hidden_size": 48}, "overfitting"),
    ],
)
def test_real_runs_with_a_symptom(steps: int, options: dict[str, Any], name: str) -> None:
    assert symptoms("hamlet", steps, **options)[-1] == name
