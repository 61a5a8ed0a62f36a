"""How much a sample surprised the network that wrote it: computed by the network, shown with colours and without."""

from __future__ import annotations

import math

import numpy as np
import pytest
from app.laboratory import LARGE, lab
from app.test_widgets import Bench
from screen import drawn, segments, strips

from lstm_ext.data import load_text
from lstm_ext.explain.reading import read
from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.samples import SampleSource
from lstm_lab.app.screens.train import TrainScreen
from lstm_lab.app.widgets.sample_stream import SampleStream

#: Probabilities of the four degrees of surprise.
PROBABILITIES = (0.9, 0.2, 0.05, 0.001)


def test_surprise_is_minus_the_logarithm_of_what_the_network_predicted() -> None:
    trainer = RunConfig.from_options({"hidden_size": 6, "seq_length": 9, "batch_size": 3}).trainer(load_text("hamlet"))
    trainer.run(steps=20)
    source = SampleSource(trainer)
    source.write(0.8)
    sample = source.take()
    assert sample is not None
    inputs = np.concatenate([[sample.first], sample.symbols[:-1]])
    predicted = trainer.model.trace(np.concatenate([inputs, sample.symbols[-1:]])).probabilities
    expected = [-math.log(predicted[t, symbol]) for t, symbol in enumerate(sample.symbols)]
    np.testing.assert_allclose(sample.reading.surprise, expected, rtol=1e-12)
    assert len(sample.reading.surprise) == len(sample.reading.text)
    whole = read(trainer.model, sample.symbols, trainer.vocabulary)
    assert np.isnan(whole.surprise[0])


@pytest.mark.parametrize("ascii_only", [False, True])
async def test_degrees_of_surprise_look_different(ascii_only: bool) -> None:
    stream = SampleStream()
    app = Bench(stream, ascii_only=ascii_only)
    async with app.run_test(size=(60, 9)) as pilot:
        stream.begin("step 1")
        stream.type("abcd", [-math.log(p) for p in PROBABILITIES])
        await pilot.pause()
        styles = {part.text: part.style for part in segments(app) if part.text in tuple("abcd")}
        assert len({str(style) for style in styles.values()}) == 4
        legend = drawn(app).split("\n")[-1].split()
        least = ">" if ascii_only else "≥"
        assert legend == ["u", "probability", f"{least}50%", f"{least}10%", f"{least}1%", "<1%"]
        parts = {part.text: part.style for part in strips(app)[-1]}
        for letter, name in zip("abcd", legend[-4:], strict=True):
            assert parts[name] == styles[letter]


async def test_without_colours_underlines_and_inversion_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = SampleStream()
    app = Bench(stream)
    async with app.run_test(size=(60, 9)) as pilot:
        stream.begin("step 1")
        stream.type("abcd", [-math.log(p) for p in PROBABILITIES])
        await pilot.pause()
        styles = {part.text: part.style for part in segments(app) if part.text in tuple("abcd")}
        marks = [(style.dim, style.underline, style.reverse) for style in styles.values() if style is not None]
        assert len({tuple(map(bool, mark)) for mark in marks}) == 4


async def test_a_character_keeps_its_degree_where_lines_are_wrapped_and_tabs_are_wide() -> None:
    stream = SampleStream()
    app = Bench(stream)
    async with app.run_test(size=(12, 9)) as pilot:
        stream.begin("step 1")
        text = "the cat\tsat on\r\nX"
        stream.type(text[:9], [0.0] * 8 + [9.0])
        stream.type(text[9:], [0.0] * (len(text) - 10) + [9.0])
        await pilot.pause()
        marked = [part.text for part in segments(app) if part.style is not None and part.style.underline]
        assert [part.strip() for part in marked[1:3]] == ["s", "X"]  # after the heading, which has the focus


async def test_a_key_shows_just_the_text() -> None:
    async with lab(LARGE) as here:
        stream = here.app.screen.query_one(SampleStream)
        await here.until(lambda: stream._samples and len(stream._samples[0].text) > 10)
        await here.shows("probability")
        await here.press("u")
        await here.until(lambda: "probability" not in here.text)
        await here.pilot.click(stream, offset=(here.line[stream.region.y].index("u surprise") - stream.region.x, 0))
        await here.shows("probability")


async def test_after_a_single_step_the_surprise_is_that_of_the_network_now() -> None:
    async with lab(LARGE) as here:
        stream, screen = here.app.screen.query_one(SampleStream), here.app.screen
        assert isinstance(screen, TrainScreen)
        await here.until(lambda: stream._samples and len(stream._samples[-1].text) > 10)
        await here.paused()
        for _ in range(3):
            await here.press("n")
        await here.until(lambda: screen.typist.sample is not None and screen.typist.sample.step == here.step)
        await here.pilot.pause(0.2)
        assert screen.typist.sample is not None
        now = screen.typist.sample.reading.surprise[: screen.typist.typed]
        expected = [sum(p > 0 for p in (nats - np.log([2, 10, 100])).tolist()) for nats in now]
        assert stream._samples[-1].degrees == expected
