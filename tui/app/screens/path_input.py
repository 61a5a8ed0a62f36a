"""A line for a path, which the tab key completes."""

from __future__ import annotations

import asyncio
import os
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from ...text.visible import visible
from ..background import in_background

#: How many names are said.
_SAID = 20
#: How many files of a folder are looked at.
_MOST = 10_000


class PathInput(Input):
    """Tab completes what is typed as far as only one path can be meant; where nothing is left to complete, it moves
    on as everywhere."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    class Ambiguous(Message):
        """Several files begin like this."""

        def __init__(self, names: list[str]) -> None:
            super().__init__()
            self.text = "or: " + "  ".join(map(visible, names[:_SAID]))

    def __init__(self, suffix: str = "", *, value: str = "", placeholder: str = "") -> None:
        super().__init__(value, placeholder=placeholder, compact=True)
        self._suffix = suffix

    @work(exclusive=True)
    async def action_complete(self) -> None:
        """Complete the path, or go to the next widget."""
        typed = self.value
        completed, names = await asyncio.wrap_future(in_background(lambda: completion(typed, self._suffix)))
        if self.value != typed:
            return  # typing has gone on
        if completed != typed:
            self.value = completed
            self.cursor_position = len(completed)
        else:
            self.screen.focus_next()
        if len(names) > 1:
            self.post_message(self.Ambiguous(names))


def completion(typed: str, suffix: str = "") -> tuple[str, list[str]]:
    """``typed``, completed as far as all paths agree that begin like it, and the names that it may go on to be.

    Those are folders and files that end in ``suffix``; hidden ones only where a dot was typed.
    """
    folder, begin = os.path.split(typed)
    names: list[str] = []
    if not typed:
        return typed, names
    try:
        with os.scandir(os.path.expanduser(folder) or os.curdir) as entries:
            for _, entry in zip(range(_MOST), entries, strict=False):
                if entry.name.startswith(begin) and (begin or not entry.name.startswith(".")):
                    if entry.is_dir():
                        names.append(entry.name + os.sep)
                    elif entry.name.endswith(suffix):
                        names.append(entry.name)
    except OSError:
        return typed, []
    common = min(names, default="")
    while not all(name.startswith(common) for name in names):
        common = common[:-1]
    return (os.path.join(folder, common) if len(common) > len(begin) else typed), sorted(names)
