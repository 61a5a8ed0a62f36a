"""W on the Step screen: the row and the column in use; and the small drawing of the cell."""

from __future__ import annotations

import pytest
from app.stepping import LARGE, SMALL, SUBJECTS, walking, words
from screen import segments

from lstm_lab.app.screens.subject import Subject
from lstm_lab.app.widgets.cell_diagram import CellDiagram
from lstm_lab.app.widgets.stage_detail import StageDetail
from lstm_lab.text import formulas


async def test_the_matrix_of_a_gate_has_its_weights_with_row_and_column_lit() -> None:
    async with walking(LARGE) as here:
        await here.go("forward", 2, "a_f")
        await here.press("down")
        m, step = here.place.walk.matrices, here.moment.step
        heads = here.row(StageDetail, "['e']")
        assert heads.split() == ["0", "1", "2", "│", "['e']", "'h'", "'l'", "'o'"]
        vector = here.row(StageDetail, "× ").split("│")
        assert vector[0].split()[1:] == [f"{h:.2f}" for h in step.values["h_prev"]]
        assert vector[1].split() == ["1", "0", "0", "0"]
        lines = here.panel(StageDetail)
        top = lines.index(here.row(StageDetail, "× ")) + 1
        for unit in range(3):
            line = lines[top + unit]
            numbers = line.replace("▸", "").replace("│", "").split()
            assert numbers[0] == str(unit)
            assert numbers[1:] == [f"{w:.2f}" for w in (*m["W_fh"][unit], *m["W_fx"][unit])]
            assert line.startswith("▸") == (unit == 1)
        lit = f"{m['W_fx'][1, 0]:.2f}"
        chosen = [s.text.strip() for s in segments(here.app) if s.style and s.style.reverse]
        assert lit in chosen
        await here.pilot.click(StageDetail, offset=(10, top + 2))
        await here.pilot.pause()
        assert here.place.unit == 2


@pytest.mark.parametrize("stage", ["y", "dh", "dh_prev"])
async def test_other_products_have_their_matrices(stage: str) -> None:
    async with walking((200, 55)) as here:
        await here.go("forward" if stage == "y" else "backward", 3, stage)
        parts = [part for part in here.moment.stage.parts if part.matrix]
        expected = [f"{w:.2f}" for part in parts for w in here.place.walk.matrices[part.matrix][0]]
        line = next(
            row
            for row in here.panel(StageDetail)
            if row.replace("▸", " ").strip().startswith(("0 ", "'e'")) and expected[0] in row
        )
        assert line.replace("▸", "").replace("│", "").split()[1:] == expected


async def test_a_large_matrix_is_a_shaded_window_around_the_unit() -> None:
    async with walking(LARGE) as here:
        here.screen._walk(Subject(text="the quick brown fox", hidden_size=16))
        await here.walks(Subject(text="the quick brown fox", hidden_size=16))
        await here.go("forward", 5, "a_i")
        await here.press(*["down"] * 12)
        assert here.place.unit == 12
        assert any(line.startswith("▸ 12") for line in here.panel(StageDetail))


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: f"{subject.cell}{'-after' * subject.reset_after}")
async def test_the_small_drawing_has_every_value_of_the_step(subject: Subject) -> None:
    async with walking(SMALL) as here:
        here.screen._walk(subject)
        await here.walks(subject)
        await here.go("forward", 3, "h")
        picture = words(here.panel(CellDiagram))
        gates = [moment for moment in here.place.walk.moments if moment.step.t == 3 and moment.phase == "forward"]
        for moment in gates:
            if moment.stage.axis == "unit" and not moment.stage.id.startswith("a") and moment.stage.id != "tanh_c":
                assert formulas.symbol(moment) in picture, moment.stage.id
        value = here.moment.value(0)
        assert value is not None and f"{value:.3f}" in picture
        chosen = [s.text.strip() for s in segments(here.app) if s.style and s.style.reverse]
        assert f"{value:.3f}" in chosen


async def test_a_sum_and_its_gate_share_a_place_in_the_small_drawing() -> None:
    async with walking(SMALL) as here:
        for phase, stages in (("forward", ("a_f", "f")), ("backward", ("df", "da_f"))):
            for stage in stages:
                await here.go(phase, 2, stage)
                assert formulas.symbol(here.moment) in words(here.panel(CellDiagram))
        await here.go("update", 0, "norm")
        assert not here.screen.query_one(CellDiagram).display


@pytest.mark.parametrize(("size", "there"), [((80, 24), True), ((100, 30), True), ((80, 20), False), ((60, 16), False)])
async def test_the_drawing_needs_room(size: tuple[int, int], there: bool) -> None:
    async with walking(size) as here:
        assert here.screen.query_one(CellDiagram).display == there


async def test_a_click_in_the_small_drawing_goes_to_the_gate() -> None:
    async with walking(SMALL) as here:
        await here.go("forward", 3, "h")
        await here.click(CellDiagram, "g₃")
        assert here.at == ("forward", 3, "g")
