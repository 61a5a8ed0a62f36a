"""Panes: the parts of a screen that one can go to, look at alone, or copy."""

from __future__ import annotations

from collections.abc import Iterable

from textual.geometry import Region
from textual.screen import Screen
from textual.widget import Widget

from .widgets.canvas import Canvas

#: What has fewer rows is a line of text.
_LOWEST = 3


def panes(screen: Screen[object]) -> list[Widget]:
    """Those that are shown, from the top left on."""
    focusable = set(screen.focus_chain)
    return [
        widget
        for widget in screen.query("*").results(Widget)
        if widget.id and widget.region.height >= _LOWEST and (widget in focusable or isinstance(widget, Canvas))
    ]


def text_of(screen: Screen[object], region: Region) -> str:
    """What stands in a region of the screen, without the blanks at the ends of lines."""
    # The one place that reads the finished screen, which Textual keeps to itself.
    strips = screen._compositor.render_strips(screen.size)[region.y : region.bottom]
    lines = [strip.crop(region.x, region.right).text.rstrip() for strip in strips]
    return "\n".join(lines).strip("\n")


def places(widgets: Iterable[Widget]) -> list[tuple[str, Region]]:
    """The name of each, and where it is."""
    return [(widget.id or "", widget.region) for widget in widgets]
