"""The timeline: which steps are kept, that they are the run's own weights, and files that make no sense."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest
from runs import HAMLET, assert_same_run, contents, make_trainer

from lstm_ext.engine.config import ModelConfig
from lstm_ext.errors import ArgumentError, CheckpointError, DataError
from lstm_ext.tensors import write_tensors
from lstm_ext.train.timeline import FORMAT, MOST, Timeline, load_timeline, save_timeline

SIZE = len(HAMLET.vocabulary)


def empty(**options: int) -> Timeline:
    return Timeline(ModelConfig(SIZE, 6, SIZE), HAMLET.vocabulary, "hamlet", **options)


def filled(steps: int, timeline: Timeline | None = None) -> Timeline:
    timeline = timeline or empty()
    for step in range(steps + 1):
        if timeline.due(step):
            timeline.add(step, 1.0 / (step + 1), np.full(timeline.config.num_parameters, step, np.float32))
    return timeline


def test_the_first_steps_lie_close_together() -> None:
    assert [frame.step for frame in filled(40).frames] == [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24, 30, 38]


@pytest.mark.parametrize("steps", [10_000, 20_000, 300_000])
def test_however_long_the_run_the_frames_are_few_and_spread_over_all_of_it(steps: int) -> None:
    frames = filled(steps).frames
    kept = [frame.step for frame in frames]
    assert MOST // 2 <= len(kept) <= MOST and kept[0] == 0 and kept[-1] > steps / 3
    ratios = [later / earlier for earlier, later in itertools.pairwise(kept[10:])]
    assert max(ratios) < 1.1 * min(ratios) ** 2
    assert all((frame.parameters == frame.step).all() for frame in frames)


def test_a_network_too_large_for_a_few_keeps_none() -> None:
    bytes_each = empty().config.num_parameters * 4
    assert not filled(100, empty(byte_limit=5 * bytes_each)).frames
    timeline = filled(1000, empty(byte_limit=9 * bytes_each))
    assert timeline.keeps and 4 <= len(timeline.frames) <= 8


def test_short_memory_ends_it_quietly() -> None:
    class Short(np.ndarray):
        def copy(self, order: object = "C") -> np.ndarray:
            raise MemoryError

    timeline = filled(3)
    timeline.add(4, 1.0, np.zeros(timeline.config.num_parameters, np.float32).view(Short))
    assert len(timeline.frames) == 4 and not timeline.due(1000)


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_frames_are_the_weights_of_their_steps(backend: str) -> None:
    trainer = make_trainer(backend)
    timeline = trainer.keep_timeline()
    assert trainer.keep_timeline() is timeline is trainer.timeline
    trainer.run(steps=24)
    assert [frame.step for frame in timeline.frames] == [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 19, 24]
    for frame in timeline.frames[1::4]:
        other = make_trainer(backend)
        other.run(steps=frame.step)
        np.testing.assert_array_equal(frame.parameters, other.model.parameters)
        assert frame.loss == other.snapshot().smoothed
    assert math.isnan(timeline.frames[0].loss)


def test_keeping_changes_nothing_that_is_learned(tmp_path: Path) -> None:
    plain, kept = make_trainer("c"), make_trainer("c")
    kept.keep_timeline()
    for trainer in (plain, kept):
        trainer.run(steps=200)
    assert_same_run(contents(plain, tmp_path), contents(kept, tmp_path))


def test_writing_is_the_networks_own_and_repeatable() -> None:
    trainer = make_trainer("c")
    timeline = trainer.keep_timeline()
    trainer.run(steps=40)
    model, prompt = timeline.model(), "To be"
    frame = timeline.frames[-1]
    written = timeline.write(model, frame, prompt, 30, temperature=0.7, seed=5)
    trainer.model.load(frame.parameters)
    symbols = HAMLET.vocabulary.encode(prompt)
    np.testing.assert_array_equal(written.symbols, trainer.model.sample(symbols, 30, temperature=0.7, seed=5))
    np.testing.assert_array_equal(written.probabilities, trainer.model.probabilities(symbols)[-1])
    timeline.write(model, timeline.frames[0], prompt, 30, temperature=0.7, seed=5)
    np.testing.assert_array_equal(
        timeline.write(model, frame, prompt, 30, temperature=0.7, seed=5).symbols, written.symbols
    )
    with pytest.raises(DataError, match="is not among"):
        timeline.write(model, frame, "\x07", 3)
    with pytest.raises(ArgumentError, match="prompt: got nothing"):
        timeline.write(model, frame, "", 3)


def test_a_file_has_all_of_it(tmp_path: Path) -> None:
    path = str(tmp_path / "way.safetensors")
    with pytest.raises(CheckpointError, match="is empty"):
        save_timeline(empty(), path)
    timeline = filled(100)
    save_timeline(timeline, path)
    found = load_timeline(path)
    assert (found.config, found.vocabulary, found.text) == (timeline.config, timeline.vocabulary, "hamlet")
    assert [(frame.step, frame.loss) for frame in found.frames] == [(f.step, f.loss) for f in timeline.frames]
    for one, other in zip(found.frames, timeline.frames, strict=True):
        np.testing.assert_array_equal(one.parameters, other.parameters)
    assert found.next_step > 96


@pytest.mark.parametrize("what", ["steps", "layers", "vocabulary", "extra", "frames", "text"])
def test_what_makes_no_sense_is_refused(what: str, tmp_path: Path) -> None:
    path = str(tmp_path / "way.safetensors")
    config = ModelConfig(SIZE, 6, SIZE)
    contents = {"model": {**vars(config), "force": {}}, "vocabulary": HAMLET.vocabulary.symbols, "text": "hamlet"}
    weights = np.zeros(config.num_parameters, np.float32)
    tensors = {"steps": np.array([3, 5]), "losses": np.zeros(2), "weights.0": weights, "weights.1": weights}
    if what == "steps":
        tensors["steps"] = np.array([5, 5])
    elif what == "layers":
        contents["model"] = {**contents["model"], "num_layers": 10**6}  # type: ignore[dict-item]
    elif what == "vocabulary":
        contents["vocabulary"] = "abc"
    elif what == "extra":
        contents["more"] = 1
    elif what == "frames":
        del tensors["weights.1"]
    else:
        contents["text"] = 7
    write_tensors(path, tensors, contents, format=FORMAT, version=1)
    with pytest.raises(CheckpointError, match="is damaged"):
        load_timeline(path)
