"""What is sent to the terminal: the cells that changed, with few control sequences, no more than the line carries.

For a partial update Textual sends lines from the left edge of the widget on, and for every piece of them all of its
colours; of a heatmap that grows by a column that is ten times what is needed. And it sends an update as a whole,
however long a slow line takes for it. This is the one place that builds on how its compositor describes updates.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache, partial
from itertools import chain
from typing import Any, cast

from rich.color import Color, ColorSystem
from rich.console import Console, RenderableType
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import SGR_STYLES, Strip

from .driver import LabDriver

_RESET = "\x1b[0m"
#: A style's parts as parameters of a control sequence: what is neither colour, the foreground, the background.
Parts = tuple[str, str, str]


class PaintingApp(App[int]):
    """An app that asks after each frame whether it has arrived, and sends long ones in portions."""

    def __init__(self) -> None:
        super().__init__()
        #: What of the last update has still to be painted, and on which screen.
        self._rest: tuple[Screen[Any] | None, list[Region]] = None, []
        self._slow = False

    def line_changed(self, slow: bool) -> None:
        """The line to the terminal has become slow, or is so no more."""

    def get_driver_class(self) -> type[Driver]:
        """Textual's, but for terminals our own."""
        driver = super().get_driver_class()
        return LabDriver if driver is LinuxDriver else driver

    def _build_driver(self, headless: bool, inline: bool, mouse: bool, size: tuple[int, int] | None) -> Driver:
        driver = super()._build_driver(headless, inline, mouse, size)
        if isinstance(driver, LabDriver):
            driver.on_arrival = partial(self._arrived, driver)
        return driver

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        driver = self._driver
        if not (isinstance(driver, LabDriver) and isinstance(renderable, (ChopsUpdate, LayoutUpdate))):
            super()._display(screen, renderable)
            return
        painting = Painting(renderable, driver.link.at_once)
        super()._display(screen, cast(RenderableType, painting))
        before = self._rest[1] if self._rest[0] is screen and isinstance(renderable, ChopsUpdate) else []
        self._rest = screen, [*before, *painting.rest]
        driver.link.unfinished = bool(self._rest[1])
        driver.ask()

    def _arrived(self, driver: LabDriver) -> None:
        """Go on with an update that was too much for the line."""
        if not self.is_running:
            return
        screen, regions = self._rest
        self._rest = None, []
        driver.link.unfinished = False
        if regions and screen is self.screen:
            self.screen._compositor._dirty_regions.update(regions)
            self.screen._compositor_refresh()
        if driver.link.slow != self._slow:
            self._slow = driver.link.slow
            self.line_changed(self._slow)


class Painting(CompositorUpdate):
    """One of Textual's updates, up to about ``limit`` bytes of it; ``rest`` has the regions that are then left."""

    def __init__(self, update: ChopsUpdate | LayoutUpdate, limit: float) -> None:
        self._update, self._limit = update, limit
        self.rest: list[Region] = []

    def render_segments(self, console: Console) -> str:
        """What is to be written."""
        system = console._color_system or ColorSystem.TRUECOLOR
        written: list[str] = []
        size = 0
        for x, y, strip in _pieces(self._update):
            if size < self._limit:
                written.append(f"\x1b[{y + 1};{x + 1}H{encode(strip, system)}")
                size += len(written[-1])
            else:
                self.rest.append(Region(x, y, strip.cell_length, 1))
        return "".join(written)


def _pieces(update: ChopsUpdate | LayoutUpdate) -> Iterator[tuple[int, int, Strip]]:
    """Where the parts of an update stand, and what they are."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            yield update.region.x, y, Strip(chain.from_iterable(strips))
        return
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            start, stop = max(x, first), min(end, last)
            if strip is not None and start < stop:
                yield start, y, strip.crop(start - x, stop - x)


def encode(strip: Strip, system: ColorSystem) -> str:
    """The characters of a strip, and before each change of style what has changed; the style is reset at the end."""
    written = []
    now: Parts = ("", "", "")
    for text, style, _ in strip:
        if not text:
            continue
        parts = _parts(style or Style.null(), system)
        if parts != now:
            written.append(_change(now, parts))
            now = parts
        written.append(text)
    if any(now):
        written.append(_RESET)
    return "".join(written)


def _parts(style: Style, system: ColorSystem) -> Parts:
    attributes = style._attributes & style._set_attributes
    return (
        ";".join(SGR_STYLES[bit] for bit in range(attributes.bit_length()) if attributes >> bit & 1),
        _codes(style.color, True, system) if style.color else "",
        _codes(style.bgcolor, False, system) if style.bgcolor else "",
    )


def _change(now: Parts, then: Parts) -> str:
    """What turns a style into another one: only colours that differ, unless something has to be taken away."""
    taken = now[0] != then[0] or (now[1] and not then[1]) or (now[2] and not then[2])
    if taken and any(now):
        changed = ["0", *filter(None, then)]
    else:
        changed = [after for before, after in zip(now, then, strict=True) if after != before]
    return f"\x1b[{';'.join(changed)}m"


@lru_cache(maxsize=1 << 11)
def _codes(color: Color, foreground: bool, system: ColorSystem) -> str:
    return ";".join(color.downgrade(system).get_ansi_codes(foreground))
