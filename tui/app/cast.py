"""A lesson as an asciicast: what a terminal of a given size would have been sent, with its times.

The format is version 2 of asciinema's (https://docs.asciinema.org/manual/asciicast/v2/): a header, and then lines
``[seconds, "o", text]``. The lesson is played as fast as it can be drawn, and each frame has the lesson's time.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator

from rich.console import Console
from textual import events
from textual.driver import Driver
from textual.geometry import Size

from lstm_ext.errors import LabError
from lstm_ext.files import write_atomically

from ..lessons.log import Lesson
from .pacing import LOCAL_FPS
from .replay import ReplayApp
from .screens.train import TrainScreen

#: Frames in a second of the lesson.
FRAMES = 5
#: Alternate screen, no cursor, and their ends.
_BEGIN, _END = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


class CastDriver(Driver):
    """Keeps what would be sent to a terminal."""

    def write(self, data: str) -> None:
        """Part of a frame."""
        if isinstance(self._app, CastApp):
            self._app.frame.append(data)

    def start_application_mode(self) -> None:
        """The terminal has its size from the beginning."""
        assert self._size is not None
        size = Size(*self._size)
        self.send_message(events.Resize(size, size))

    def disable_input(self) -> None:
        """There is none."""

    def stop_application_mode(self) -> None:
        """Nothing is restored."""


class CastApp(ReplayApp):
    """Plays a lesson in its own time, and ends with it."""

    def __init__(self, lesson: Lesson, *, ascii_only: bool) -> None:
        super().__init__(lesson, ascii_only=ascii_only)
        self.driver_class = CastDriver
        self.console = Console(
            color_system="truecolor", file=io.StringIO(), force_terminal=True, highlight=False, legacy_windows=False
        )
        #: What was sent since the last frame, and the frames: seconds and what was sent.
        self.frame: list[str] = []
        self.frames: list[tuple[float, str]] = []

    async def _play(self) -> None:
        steps = int(self.lesson.seconds * FRAMES) + 1
        for step in range(steps):
            self.time = min(self.lesson.seconds, step / FRAMES)
            await self.go(self.time)
            if isinstance(self.base, TrainScreen):  # samples are typed in the lesson's time
                for _ in range(LOCAL_FPS // FRAMES):
                    self.base._tick()
            await self._drawn()
            if self.frame:
                self.frames.append((self.time, "".join(self.frame)))
                self.frame.clear()
        self.exit(0)

    async def _drawn(self) -> None:
        """Lets every widget draw itself; what is computed in the background comes with one of the next frames."""
        for _ in range(2):
            drawn = asyncio.Event()
            self.call_after_refresh(drawn.set)
            await drawn.wait()
            await asyncio.sleep(0)


def write_cast(lesson: Lesson, path: str, size: tuple[int, int], *, ascii_only: bool = False) -> None:
    """Write the lesson to ``path`` for a terminal of ``size`` (columns, rows). Raises LabError, OSError."""
    app = CastApp(lesson, ascii_only=ascii_only)
    app.run(size=size, mouse=False)
    if app.crash is not None:
        raise app.crash
    if app.failure:
        raise LabError(app.failure)
    write_atomically(path, "".join(cast_lines(lesson.header.title, size, app.frames)))


def cast_lines(title: str, size: tuple[int, int], frames: list[tuple[float, str]]) -> Iterator[str]:
    """The header, and a line for each frame."""
    header = {"version": 2, "width": size[0], "height": size[1], "title": title, "env": {"TERM": "xterm-256color"}}
    yield json.dumps(header, ensure_ascii=False) + "\n"
    yield json.dumps([0.0, "o", _BEGIN]) + "\n"
    end = 0.0
    for end, data in frames:
        yield json.dumps([round(end, 3), "o", data], ensure_ascii=False) + "\n"
    yield json.dumps([round(end + 1.0, 3), "o", _END]) + "\n"
