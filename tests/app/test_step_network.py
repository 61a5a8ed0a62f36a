"""A network that was trained on another text, on the Step screen: its most telling units first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from app.laboratory import SMALL, Lab, lab
from app.stepping import Walker
from screen import drawn

from lstm_ext.explain.walk import walk
from lstm_ext.train.run_config import RunConfig
from lstm_lab.app.screens.files import OpenFile
from lstm_lab.app.screens.step import StepScreen
from lstm_lab.app.screens.subject import AskText
from lstm_lab.app.widgets.stage_detail import StageDetail


async def stepping(here: Lab) -> Walker:
    """The Step screen of a lab that has stopped training."""
    await here.paused()
    await here.press("2")
    await here.until(lambda: isinstance(here.app.screen, StepScreen) and here.app.screen.place is not None)
    return Walker(here.app, here.pilot)


async def taken(here: Lab, walker: Walker) -> None:
    await here.press("n")
    await here.until(lambda: walker.screen.subject.network is not None and walker.place.sort)
    await here.pilot.pause()


async def test_n_walks_the_network_in_training_with_its_most_telling_units_first() -> None:
    async with lab(config=RunConfig.from_options({"hidden_size": 20, "seq_length": 9, "batch_size": 3})) as here:
        walker = await stepping(here)
        await taken(here, walker)
        await here.shows("LSTM · 20 units · training, step")
        trained = here.trainer
        walked = walker.place.walk
        model = await here_model(here)
        expected = walk(model, walked.text, trained.vocabulary)
        assert walked.loss == expected.loss and len(walked.vocabulary) == len(trained.vocabulary)
        shares = np.zeros(20)
        W_y = walked.matrices["W_y"]
        for step in walked.steps:
            shares += np.abs((W_y[step.target] - W_y.mean(axis=0)) * step.values["h"])
        order = np.argsort(-shares).tolist()
        assert walker.place.order == order and walker.place.unit == order[0]
        await walker.go("forward", 3, "h")
        lines = [line for line in walker.panel(StageDetail) if "unit " in line and "telling" not in line]
        shown = [int(line.replace("▸", " ").split()[1]) for line in lines]
        assert len(shown) >= 2 and shown == order[: len(shown)]
        assert "most telling for the next score first" in drawn(here.app)
        await here.press("down")
        assert walker.place.unit == order[1]


async def here_model(here: Lab):  # type: ignore[no-untyped-def]
    import asyncio

    return await asyncio.wrap_future(here.trainer.submit(lambda model: model.copy()))


async def test_another_text_is_checked_against_its_vocabulary() -> None:
    async with lab() as here:
        walker = await stepping(here)
        await taken(here, walker)
        await here.press("t")
        await here.asked(AskText)
        await here.type_into("Input", "日本")
        await here.press("enter")
        await here.shows("'日'")
        await here.type_into("Input", "to be")
        await here.press("enter")
        await here.until(lambda: isinstance(here.app.screen, StepScreen) and walker.place.walk.text == "to be")
        assert walker.place.sort


async def test_a_text_that_it_cannot_read_becomes_the_beginning_of_its_own() -> None:
    async with lab() as here:
        walker = await stepping(here)
        await here.press("t")
        await here.asked(AskText)
        await here.type_into("Input", "日本日")
        await here.press("enter")
        await here.until(lambda: isinstance(here.app.screen, StepScreen) and walker.place.walk.text == "日本日")
        await taken(here, walker)
        trainer = here.trainer
        assert walker.place.walk.text == trainer.vocabulary.decode(trainer.split.train[:12])


async def test_s_goes_back_to_the_small_network() -> None:
    async with lab() as here:
        walker = await stepping(here)
        await taken(here, walker)
        await here.press("s")
        await here.shows("LSTM · 3 units · untrained")
        assert not walker.place.sort and walker.place.walk.config.hidden_size == 3


async def test_updates_by_hand_leave_the_network_in_training_alone() -> None:
    async with lab() as here:
        walker = await stepping(here)
        await taken(here, walker)
        before = (await here_model(here)).parameters
        await here.press("end", "enter", "enter")
        await here.until(lambda: len(walker.place.losses) == 2)
        assert walker.place.walk.loss < walker.place.losses[0]
        np.testing.assert_array_equal((await here_model(here)).parameters, before)
        await here.press("w")
        await here.until(lambda: walker.place.losses == ())
        assert walker.screen.subject.network is not None


async def test_l_takes_the_network_of_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "book.safetensors"
    async with lab(SMALL) as here:
        walker = await stepping(here)
        here.trainer.save(str(path))
        await here.press("l")
        await here.asked(OpenFile)
        await here.type_into("Input", str(path))
        await here.press("enter")
        await here.shows("book.safetensors")
        await here.until(lambda: isinstance(here.app.screen, StepScreen) and walker.place.sort)
        assert walker.place.walk.config.hidden_size == 6
        await here.press("plus", "c")
        assert walker.place.walk.config.hidden_size == 6


async def test_a_large_network_is_walked_at_once() -> None:
    async with lab(config=RunConfig.from_options({"hidden_size": 128, "num_layers": 2, "batch_size": 2})) as here:
        walker = await stepping(here)
        await taken(here, walker)
        assert walker.place.walk.config.hidden_size == 128
        for stage in ("x", "a_f", "c", "h", "y"):
            await walker.go("forward", 2, stage)
        assert f"unit {walker.place.unit}" in drawn(here.app)
