"""How tests look at the app: what stands on the screen, and waiting until something does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rich.segment import Segment
from textual.app import App
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip

#: Generous, for busy machines: a test that waits in vain fails after about half a minute.
TRIES = 1000


def strips(app: App[Any]) -> list[list[Segment]]:
    """The screen's lines as they go to the terminal."""
    return [list(strip) for strip in app.screen._compositor.render_strips(app.size)]


def drawn(app: App[Any]) -> str:
    """The screen as text."""
    return "\n".join("".join(segment.text for segment in line) for line in strips(app))


def segments(app: App[Any], region: Region | None = None) -> Iterator[Segment]:
    """Everything on the screen, or in a region of it, piece by piece."""
    x, y, width, height = region or app.screen.region
    for line in strips(app)[y : y + height]:
        yield from Strip(line).crop(x, x + width)


async def until(pilot: Pilot[Any], condition: Callable[[], object]) -> None:
    """Lets the app run until ``condition`` holds."""
    for _ in range(TRIES):
        if condition():
            return
        await pilot.pause(0.02)
    raise AssertionError(f"waited in vain; on the screen:\n{drawn(pilot.app)}")
