"""The line to the terminal: what is known of it, and that no more is sent than it carries."""

from __future__ import annotations

import pytest
from app.laboratory import LARGE
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from screen import until
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from lstm_lab.app.driver import LabDriver
from lstm_lab.app.lab import LabApp
from lstm_lab.app.pacing import Link, frames_per_second
from lstm_lab.app.painting import Painting, encode
from lstm_lab.app.session import Opening, Session
from lstm_lab.app.widgets.bars import KeyBar


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def answering(clock: Clock, bytes_per_second: float | None = None) -> Link:
    """A line whose terminal has answered once."""
    link = Link(bytes_per_second, clock=clock)
    link.sent(10)
    assert link.asks()
    link.answered()
    return link


def test_fewer_frames_over_ssh() -> None:
    assert (frames_per_second({}), frames_per_second({"SSH_TTY": "/dev/pts/1"})) == (10, 4)


def test_a_frame_waits_until_the_last_one_has_arrived() -> None:
    clock = Clock()
    link = answering(clock)
    assert not link.waits and not link.asks(), "nothing is on its way"
    link.sent(500)
    assert not link.waits
    assert link.asks() and link.waits
    link.sent(3)
    assert not link.asks(), "one question at a time"
    link.answered()
    assert not link.waits
    assert link.asks(), "what was sent after the question is not confirmed"


def test_a_terminal_that_never_answers_is_not_waited_for() -> None:
    link = Link(clock=Clock())
    link.sent(500)
    assert link.asks() and not link.waits
    link.settle()
    assert not link.asks()


def test_a_lost_answer_is_waited_for_only_so_long() -> None:
    clock = Clock()
    link = answering(clock)
    link.sent(500)
    assert link.asks()
    clock.now += 9
    assert link.waits
    clock.now += 2
    assert not link.waits
    link.sent(1)
    assert link.asks()


def test_a_slow_line_is_noticed_and_gets_small_portions() -> None:
    clock = Clock()
    link = answering(clock)
    assert not link.slow and link.at_once > 1e6
    for took, slow in ((0.3, True), (0.2, True), (0.1, False), (0.2, False)):
        link.sent(4000)
        assert link.asks()
        clock.now += took
        link.answered()
        assert link.slow is slow
        assert link.at_once == pytest.approx(max(1500, 4000 / took * 0.15))
    link.sent(50)
    assert link.asks()
    clock.now += 0.2
    link.answered()
    assert link.at_once == pytest.approx(3000), "a small frame tells nothing of how much the line carries"


def test_on_the_average_no_more_is_sent_than_is_allowed() -> None:
    clock = Clock()
    link = answering(clock, bytes_per_second=1000)
    clock.now += 1
    for count in (400, 100):
        link.sent(count)
        assert link.asks()
        link.answered()
    assert link.waits
    clock.now += 0.49
    assert link.waits
    clock.now += 0.02
    assert not link.waits


def test_an_unfinished_update_comes_before_the_next_frame() -> None:
    link = answering(Clock())
    link.unfinished = True
    assert link.waits


# What is sent.

BOLD_RED = Style.parse("bold red on black")
PIECES = [
    Segment("ab", BOLD_RED),
    Segment("cd", Style.parse("green on black")),
    Segment("ef", Style.parse("green on blue")),
    Segment("gh", Style.parse("underline #102030")),
    Segment(" ", Style.null()),
    Segment("▀漢", Style.parse("reverse #aabbcc on #001122")),
]


@pytest.mark.parametrize("system", [ColorSystem.STANDARD, ColorSystem.EIGHT_BIT, ColorSystem.TRUECOLOR])
@pytest.mark.parametrize("order", [1, -1])
def test_the_characters_and_their_styles_arrive(system: ColorSystem, order: int) -> None:
    pieces = PIECES[::order]
    text = Text.from_ansi(encode(Strip(pieces), system))
    assert text.plain == "".join(piece.text for piece in pieces)
    console = Console(color_system="truecolor")
    at = 0
    for piece in pieces:
        assert piece.style is not None
        colors = piece.style.color, piece.style.bgcolor
        wanted = [None if color is None else color.downgrade(system).get_ansi_codes() for color in colors]
        for offset in range(at, at + len(piece.text)):
            style = text.get_style_at_offset(console, offset)
            arrived = [None if color is None else color.get_ansi_codes() for color in (style.color, style.bgcolor)]
            assert arrived == wanted
            for attribute in ("bold", "underline", "reverse"):
                assert bool(getattr(style, attribute)) is bool(getattr(piece.style, attribute))
        at += len(piece.text)


def test_only_what_changes_is_said_again() -> None:
    assert encode(Strip(PIECES[:3]), ColorSystem.STANDARD) == "\x1b[1;31;40mab\x1b[0;32;40mcd\x1b[44mef\x1b[0m"
    assert encode(Strip([Segment("x"), Segment("", BOLD_RED), Segment("y")]), ColorSystem.STANDARD) == "xy"


def test_spans_are_sent_from_their_own_beginning_to_their_end() -> None:
    line = {0: Strip([Segment("0123456789")]), 10: None, 15: Strip([Segment("abcdef")])}
    update = ChopsUpdate([line], [(0, 3, 18)], [[10, 15, 21]])
    assert Painting(update, 1e9).render_segments(Console()) == "\x1b[1;4H3456789\x1b[1;16Habc"


def test_what_is_too_much_for_the_line_is_left() -> None:
    lines = [[Strip([Segment("x" * 20)])] for _ in range(4)]
    painting = Painting(LayoutUpdate(lines, Region(0, 0, 20, 4)), 40)
    assert painting.render_segments(Console()).count("x") == 40
    assert painting.rest == [Region(0, 2, 20, 1), Region(0, 3, 20, 1)]


async def test_the_rest_is_painted_when_the_first_part_has_arrived(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a driver that writes to nobody."""
    app = LabApp(Session(opening=Opening("hello")))
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: app.session.trainer is not None and app.session.trainer.snapshot().step > 0)
        assert app.session.trainer is not None
        app.session.trainer.pause()
        written: list[str] = []
        driver = LabDriver(app, size=LARGE)
        monkeypatch.setattr("textual.drivers.linux_driver.LinuxDriver.write", lambda driver, data: written.append(data))
        driver.link = answering(Clock())
        monkeypatch.setattr(LabApp, "is_headless", False)
        before, app._driver = app._driver, driver
        try:
            monkeypatch.setattr(Link, "at_once", 1500.0)
            app.screen.refresh()
            await until(pilot, lambda: driver.link.unfinished)
            assert driver.link.waits
            parts = 0
            while driver.link.unfinished:
                parts += 1
                driver.link.answered()
                app._arrived(driver)
            assert parts > 1
            everything = Text.from_ansi("".join(written)).plain
            assert "Loss" in everything and "Samples" in everything and "quit" in everything
            driver.link.slow = True
            app._arrived(driver)
            assert "slow line" in app.screen.query_one(KeyBar).draw(120, 1)[0].text
            driver.link.slow = False
            app._arrived(driver)
            assert "slow line" not in app.screen.query_one(KeyBar).draw(120, 1)[0].text
        finally:
            app._driver = before
